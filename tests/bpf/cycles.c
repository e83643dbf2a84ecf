// SPDX-License-Identifier: MIT OR Apache-2.0
// Planes that are opened, receive and send, and are closed, thousands of times, and whether anything of
// them stays. Most of a cycle is the verifier's, the rest waits for the kernel, so several processes work
// side by side, each in a network namespace of its own.
//
//   cycles [-n CYCLES] [-p PROCESSES] [-e OBJECT]
//
// CYCLES are of all processes together. OBJECT is tests/engines/exact/exact.bpf.o; without it engine
// linear judges, which takes the verifier three times as long. In every second cycle two interfaces
// share a UMEM and forward. After each cycle every frame is free or with the kernel to receive
// into, and there are as many descriptors and mappings as after the third, no AF_XDP socket in the
// namespace, and none of the BPF maps, programs and links that the plane before held; at the end,
// resident memory is what it was after the tenth, and 2 MiB at most.
#include <dirent.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <push-packet/channel.h>
#include <push-packet/clock.h>
#include <push-packet/setup.h>

#include "packet.h"

#define IFACES 2
#define PACKETS 8
#define IDS_MAX 128
#define PROCESSES_MAX 64
#define SETTLED 3 // cycles until libraries have what they keep
#define TOLD 250 // cycles between two lines
#define WARM 10 // cycles until memory is compared
#define RESIDENT_KIB 2048
#define PATIENCE_NS (20ull * 1000 * 1000 * 1000)

extern const struct pp_engine_ops pp_engine_ops; // of tests/engines/exact

struct settings {
	int cycles;
	int processes;
	struct pp_engine_own own;
};

// Numbers of what the kernel holds.
enum kind { MAP, PROG, LINK, KINDS };
struct ids {
	uint32_t count;
	struct {
		enum kind kind;
		uint32_t id;
	} of[IDS_MAX];
};

// What is to be the same after every cycle.
struct held {
	uint32_t fds;
	uint32_t mappings;
};

static struct pp_plane *plane;
static struct pp_channel *channel[IFACES];
static int peer[IFACES];

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *fmt, ...)
{
	va_list args;

	fputs("cycles: error: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void make_interfaces(void)
{
	const struct timeval wait = {.tv_sec = 20};
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = __builtin_bswap16(0x0800)};

	if (unshare(CLONE_NEWNET) < 0)
		fail("cannot make a network namespace: %s", strerror(errno));
	if (system("for i in A B; do ip link add ${i}0 numrxqueues 1 numtxqueues 1 type veth peer name ${i}1 && "
		   "ip link set ${i}0 addrgenmode none up && "
		   "ip link set ${i}1 addrgenmode none up || exit 1; done") != 0)
		fail("cannot make interfaces");
	for (int i = 0; i < IFACES; i++) {
		peer[i] = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, to.sll_protocol);
		to.sll_ifindex = (int)if_nametoindex(i == 0 ? "A1" : "B1");
		if (peer[i] < 0 || bind(peer[i], (struct sockaddr *)&to, sizeof(to)) < 0)
			fail("no socket at the other end: %s", strerror(errno));
		setsockopt(peer[i], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	}
}

static void open_plane(const struct settings *settings, int ifaces)
{
	struct pp_plane_config *config;
	struct pp_setup *setup;
	struct pp_error err = {0};
	int ret = pp_setup_create(&setup);

	if (ret < 0)
		fail("no memory");
	config = pp_setup_config(setup);
	config->copy = PP_COPY_OFF;
	config->umem_shared = ifaces > 1;
	config->own = settings->own;
	config->rx_slots = config->tx_slots = config->fill_slots = config->completion_slots = 64;
	for (int i = 0; ret >= 0 && i < ifaces; i++)
		ret = pp_setup_interface(setup, i == 0 ? "A0" : "B0", &err);
	if (ret >= 0)
		ret = pp_setup_rules(setup, "route dst 198.51.100.1 proto udp dport 7", &err);
	if (ret >= 0)
		ret = pp_setup_open(setup, &plane, &err);
	pp_setup_destroy(setup);
	for (int i = 0; ret >= 0 && i < ifaces; i++)
		ret = pp_channel_open(&channel[i], plane, (uint32_t)i, 0, &err);
	if (ret < 0)
		fail("cannot open: %s", err.text);
}

static void add_id(struct ids *ids, enum kind kind, uint32_t id)
{
	for (uint32_t i = 0; i < ids->count; i++)
		if (ids->of[i].kind == kind && ids->of[i].id == id)
			return;
	if (ids->count == IDS_MAX)
		fail("more than %d BPF objects", IDS_MAX);
	ids->of[ids->count].kind = kind;
	ids->of[ids->count++].id = id;
}

// Maps that the program alone holds too, its constants for one.
static void add_program(struct ids *ids, int fd)
{
	uint32_t map[IDS_MAX];
	struct bpf_prog_info info = {.nr_map_ids = IDS_MAX, .map_ids = (uint64_t)(uintptr_t)map};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return;
	for (uint32_t i = 0; i < info.nr_map_ids && i < IDS_MAX; i++)
		add_id(ids, MAP, map[i]);
}

static void add_fd(struct ids *ids, int fd)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		uint32_t id;

		if (sscanf(line, "map_id: %u", &id) == 1) {
			add_id(ids, MAP, id);
		} else if (sscanf(line, "link_id: %u", &id) == 1) {
			add_id(ids, LINK, id);
		} else if (sscanf(line, "prog_id: %u", &id) == 1) {
			add_id(ids, PROG, id);
			add_program(ids, fd);
		}
	}
	if (file != NULL)
		fclose(file);
}

// Call for every descriptor, and count them.
static uint32_t each_fd(struct ids *ids, void (*call)(struct ids *ids, int fd))
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	uint32_t n = 0;

	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		n++;
		if (call != NULL)
			call(ids, atoi(entry->d_name));
	}
	closedir(folder);
	return n;
}

static bool is_there(enum kind kind, uint32_t id)
{
	int fd = kind == MAP	? bpf_map_get_fd_by_id(id)
		 : kind == PROG ? bpf_prog_get_fd_by_id(id)
				: bpf_link_get_fd_by_id(id);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

// The kernel frees them some time after the last descriptor is closed.
static void expect_gone(const struct ids *ids)
{
	static const char *const name[KINDS] = {"map", "program", "link"};
	const struct timespec pause = {.tv_nsec = 1000 * 1000};
	uint64_t end_ns = pp_clock_ns(CLOCK_MONOTONIC) + PATIENCE_NS;

	for (uint32_t i = 0; i < ids->count; i++)
		while (is_there(ids->of[i].kind, ids->of[i].id)) {
			if (pp_clock_ns(CLOCK_MONOTONIC) > end_ns)
				fail("%s %u of a plane that was closed is still there",
				     name[ids->of[i].kind], ids->of[i].id);
			nanosleep(&pause, NULL);
		}
}

// Lines of a file, or what a line that begins with a word says behind it.
static uint32_t read_proc(const char *path, const char *word)
{
	uint32_t lines = 0, value = 0;
	char line[512];
	FILE *file = fopen(path, "re");

	if (file == NULL)
		fail("cannot read %s", path);
	for (; fgets(line, sizeof(line), file) != NULL; lines++)
		if (word != NULL && strncmp(line, word, strlen(word)) == 0)
			sscanf(line + strlen(word), "%*d %u", &value);
	fclose(file);
	return word != NULL ? value : lines;
}

static uint32_t resident_kib(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint32_t pages;

	if (file == NULL || fscanf(file, "%*u %u", &pages) != 1)
		fail("cannot read /proc/self/statm");
	fclose(file);
	return pages * (uint32_t)(sysconf(_SC_PAGESIZE) / 1024);
}

static struct held count_held(void)
{
	// In this order: the folder and the buffers that are read through are gone by then.
	struct held held = {.fds = each_fd(NULL, NULL)};

#ifndef __SANITIZE_ADDRESS__ // which maps memory as it likes
	held.mappings = read_proc("/proc/self/maps", NULL);
#endif
	return held;
}

static void receive(struct pp_frame frame[PACKETS])
{
	struct packet packet;
	int n = 0;

	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1000, 7);
	for (int i = 0; i < PACKETS; i++)
		if (send(peer[0], packet.data, packet.len_bytes, 0) != (ssize_t)packet.len_bytes)
			fail("cannot send: %s", strerror(errno));
	while (n < PACKETS) {
		int ret = pp_channel_receive_wait(channel[0], frame + n, (uint32_t)(PACKETS - n),
						  20000);

		if (ret <= 0)
			fail("received %d packets of %d, then %d", n, PACKETS, ret);
		n += ret;
	}
	if (frame[0].len_bytes != packet.len_bytes ||
	    memcmp(frame[0].data, packet.data, packet.len_bytes) != 0)
		fail("received another packet than was sent");
}

static void expect_arrived(int at, int packets)
{
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	char packet[256];

	while (packets > 0) {
		if (recvfrom(peer[at], packet, sizeof(packet), 0, (struct sockaddr *)&from, &len) <
		    0)
			fail("%d packets did not arrive: %s", packets, strerror(errno));
		packets -= from.sll_pkttype != PACKET_OUTGOING;
	}
}

static void flush(struct pp_channel *to)
{
	const struct timespec pause = {.tv_nsec = 100 * 1000};
	uint64_t end_ns = pp_clock_ns(CLOCK_MONOTONIC) + PATIENCE_NS;

	while (pp_channel_flush(to) != 0) {
		if (pp_clock_ns(CLOCK_MONOTONIC) > end_ns)
			fail("frames do not come back from the kernel");
		nanosleep(&pause, NULL);
	}
}

static void expect_home(int ifaces)
{
	for (int i = 0; i < ifaces; i++) {
		struct pp_channel_stats s;

		pp_channel_stats(channel[i], &s);
		if (s.free + s.receiving + s.returned != s.frames || s.frames == 0)
			fail("%u frames are free, %u receiving, %u returned, of %u", s.free,
			     s.receiving, s.returned, s.frames);
	}
}

// Half of what is received is given back, the other half sent.
static void cycle(const struct settings *settings, int ifaces, struct ids *ids)
{
	int to = ifaces - 1;
	struct pp_frame frame[PACKETS];

	open_plane(settings, ifaces);
	receive(frame);
	if (pp_channel_release(channel[0], frame, PACKETS / 2) != 0 ||
	    pp_channel_send(channel[to], frame + PACKETS / 2, PACKETS / 2) != PACKETS / 2)
		fail("frames are refused");
	expect_arrived(to, PACKETS / 2);
	flush(channel[to]);
	expect_home(ifaces);
	ids->count = 0;
	each_fd(ids, add_fd);
	pp_plane_close(plane);
}

// @return  What is held now, if it is what has been.
static void check_held(int number, struct held *settled)
{
	struct held now = count_held();

	if (number < SETTLED)
		*settled = now;
	if (now.fds != settled->fds || now.mappings != settled->mappings)
		fail("%u descriptors and %u mappings after cycle %d, %u and %u before", now.fds,
		     now.mappings, number + 1, settled->fds, settled->mappings);
	if (read_proc("/proc/net/protocols", "XDP ") != 0)
		fail("an AF_XDP socket is left");
}

static void tell(int process, int cycles)
{
	printf("process %d: %d cycles, %u KiB resident\n", process, cycles, resident_kib());
	fflush(stdout);
}

static int work(const struct settings *settings, int cycles, int process)
{
	struct ids ids[2] = {0};
	struct held settled = {0};
	uint64_t begin_ns = pp_clock_ns(CLOCK_MONOTONIC);
	uint32_t warm_kib = 0, kib;

	make_interfaces();
	for (int i = 0; i < cycles; i++) {
		cycle(settings, 1 + i % 2, &ids[i % 2]);
		check_held(i, &settled);
		// Those of the cycle before: they had time.
		expect_gone(&ids[(i + 1) % 2]);
		if (i < WARM)
			warm_kib = resident_kib();
		if (i % TOLD == TOLD - 1)
			tell(process, i + 1);
	}
	expect_gone(&ids[0]);
	expect_gone(&ids[1]);
	kib = resident_kib();
	printf("process %d: %d cycles in %.1f s; %u BPF objects in the last, none is left; "
	       "%u descriptors, %u mappings; %u KiB resident, %u after %d\n",
	       process, cycles, (double)(pp_clock_ns(CLOCK_MONOTONIC) - begin_ns) / 1e9,
	       ids[(cycles + 1) % 2].count, settled.fds, settled.mappings, kib, warm_kib, WARM);
#ifndef __SANITIZE_ADDRESS__ // which keeps what was freed, and looks for leaks itself
	if (kib > warm_kib + RESIDENT_KIB)
		fail("memory is left");
#endif
	return 0;
}

static void read_object(struct settings *settings, const char *path)
{
	FILE *file = fopen(path, "re");
	long bytes;

	if (file == NULL || fseek(file, 0, SEEK_END) < 0 || (bytes = ftell(file)) <= 0)
		fail("cannot read %s", path);
	rewind(file);
	settings->own.ops = &pp_engine_ops;
	settings->own.object = calloc(1, (size_t)bytes);
	if (settings->own.object == NULL ||
	    fread((void *)settings->own.object, 1, (size_t)bytes, file) != (size_t)bytes)
		fail("cannot read %s", path);
	settings->own.object_bytes = (size_t)bytes;
	fclose(file);
}

static void read_options(struct settings *settings, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:p:e:")) != -1)
		switch (option) {
		case 'n':
			settings->cycles = atoi(optarg);
			break;
		case 'p':
			settings->processes = atoi(optarg);
			break;
		case 'e':
			read_object(settings, optarg);
			break;
		default:
			exit(2);
		}
	if (settings->processes < 1 || settings->processes > PROCESSES_MAX ||
	    settings->cycles < settings->processes)
		fail("-p is 1 to %d and -n at least as much", PROCESSES_MAX);
}

int main(int argc, char **argv)
{
	struct settings settings = {.cycles = 20, .processes = 1};
	int failed = 0, status;

	read_options(&settings, argc, argv);
	for (int i = 0; i < settings.processes; i++) {
		int cycles = (settings.cycles + i) / settings.processes;
		pid_t pid = fork();

		if (pid < 0)
			fail("cannot fork: %s", strerror(errno));
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			status = work(&settings, cycles, i);
			free((void *)settings.own.object);
			return status;
		}
	}
	while (wait(&status) > 0)
		failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	free((void *)settings.own.object);
	if (failed > 0)
		fail("%d of %d processes failed", failed, settings.processes);
	printf("%d cycles, nothing is left\n", settings.cycles);
	return 0;
}
