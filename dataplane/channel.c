// SPDX-License-Identifier: MIT OR Apache-2.0
#include "channel_priv.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/clock.h>

#include "counter.h"
#include "rows.h"

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif

// How long receive_wait() looks before it sleeps. Under load the kernel shows packets in bursts of up to 64,
// which at a million a second are 64 us apart; to be woken costs the sender's side some microseconds.
#define SPIN_NS (20 * 1000)
#define SPIN_LOADED_NS (200 * 1000)
#define LOADED_PKTS 16 // in the last burst
#define LOOKS_A_TIME 8 // between two at the clock
#define STARVING_WAIT_MS 10
#define BUSY_WAIT_MS 1 // another thread is in a call: look again soon
#define LEAVE_POLL_NS (50 * 1000)

void pp_channel_set_port(struct pp_channel *channel, struct pp_port *port)
{
	const struct timespec pause = {.tv_nsec = LEAVE_POLL_NS};

	__atomic_store_n(&channel->port, port, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&channel->giving, __ATOMIC_SEQ_CST))
		nanosleep(&pause, NULL);
}

uint32_t pp_channel_port_held(const struct pp_port *port)
{
	struct pp_port_counts counts;

	pp_port_count(port, &counts);
	return counts.held;
}

int pp_channel_refuse(struct pp_channel *channel, int ret)
{
	__atomic_fetch_add(&channel->refused, 1, __ATOMIC_RELAXED);
	return ret;
}

void pp_channel_drain(struct pp_channel *channel)
{
	struct pp_port_rx rx[PP_BURST];
	uint32_t n;

	while ((n = pp_port_rx_burst(channel->port, rx)) > 0) {
		for (uint32_t i = 0; i < n; i++)
			pp_port_recycle(channel->port, rx[i].data);
		pp_rows_bump(&channel->ledger, PP_LEDGER_XSK_RX, n);
		pp_rows_bump(&channel->ledger, PP_LEDGER_NO_CONSUMER, n);
	}
}

void pp_channel_reclaim(struct pp_channel *channel)
{
	uint32_t n = pp_port_tx_reclaim(channel->port);

	if (n > 0)
		pp_rows_bump(&channel->ledger, PP_LEDGER_TX_COMPLETED, n);
}

// Nothing is there: before the program sleeps, every free frame goes to the kernel. If there is none,
// nothing can come before give_back() brings one, and it is to wake us: pairs with its look.
static void prepare_idle(struct pp_channel *channel)
{
	pp_port_refill_all(channel->port);
	if (pp_port_receiving(channel->port) == 0) {
		__atomic_store_n(&channel->starving, 1, __ATOMIC_SEQ_CST);
		pp_port_refill_all(channel->port);
	}
	if (channel->epoll_fd >= 0)
		pp_gate_hear(&channel->gate);
}

// Take a burst, with the kernel having frames and being awake afterwards.
static uint32_t receive(struct pp_channel *channel, struct pp_port_rx rx[PP_BURST], uint32_t max)
{
	struct pp_port *port = channel->port;
	uint64_t bytes = 0;
	uint32_t n;

	pp_channel_reclaim(channel);
	pp_port_refill(port);
	n = pp_port_rx(port, rx, max < PP_BURST ? max : PP_BURST);
	if (n == 0)
		prepare_idle(channel);
	for (uint32_t i = 0; i < n; i++)
		bytes += rx[i].len_bytes;
	if (n > 0) {
		pp_rows_bump(&channel->ledger, PP_LEDGER_XSK_RX, n);
		pp_rows_bump(&channel->ledger, PP_LEDGER_TO_PROGRAM, n);
		pp_counter_add(&channel->rx_bytes, bytes);
		__atomic_store_n(&channel->last_burst, n, __ATOMIC_RELAXED);
	}
	pp_port_kick(port);
	return n;
}

int pp_channel_receive(struct pp_channel *channel, struct pp_frame *frame, uint32_t max)
{
	struct pp_port_rx rx[PP_BURST];
	struct pp_pool *pool;
	uint32_t n;
	int ret = pp_gate_enter(&channel->gate);

	if (ret < 0)
		return ret;
	pool = pp_port_pool(channel->port);
	n = receive(channel, rx, max);
	for (uint32_t i = 0; i < n; i++) {
		frame[i] = (struct pp_frame){rx[i].data, rx[i].len_bytes, 0};
		pp_pool_set_state(pool, pp_channel_frame(pool, &frame[i]), PP_FRAME_HELD);
	}
	pp_gate_leave(&channel->gate);
	return (int)n;
}

int pp_channel_receive_copy(struct pp_channel *channel,
			    void *buf,
			    size_t size,
			    struct pp_meta *meta)
{
	struct pp_port_rx rx[PP_BURST];
	int ret = pp_gate_enter(&channel->gate);

	if (ret < 0)
		return ret;
	if (receive(channel, rx, 1) > 0) {
		ret = (int)(rx[0].len_bytes < size ? rx[0].len_bytes : size);
		memcpy(buf, rx[0].data, (size_t)ret);
		if (meta != NULL)
			memcpy(meta, rx[0].data - sizeof(*meta), sizeof(*meta));
		pp_port_recycle(channel->port, rx[0].data);
	}
	pp_gate_leave(&channel->gate);
	return ret;
}

// Wait for the socket, or for who has a word: close(), wake(), give_back().
//
// @return  1: received; 0: not; -errno.
static int wait_for(struct pp_channel *channel, int timeout_ms)
{
	struct pollfd fd[2] = {{pp_port_fd(channel->port), POLLIN, 0},
			       {channel->gate.wake_fd, POLLIN, 0}};

	if (poll(fd, 2, timeout_ms) < 0)
		return -errno;
	if (fd[1].revents & POLLIN)
		pp_gate_hear(&channel->gate);
	return (fd[0].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
}

// @return  1: something is there; 0: sleep; -EBUSY: another thread is in a call.
static int prepare(struct pp_channel *channel)
{
	int ret = pp_gate_enter(&channel->gate);

	if (ret < 0)
		return ret;
	pp_channel_reclaim(channel);
	prepare_idle(channel);
	pp_port_kick(channel->port);
	ret = !pp_port_rx_empty(channel->port);
	pp_gate_leave(&channel->gate);
	return ret;
}

// Sleep once.
//
// @return  1: something is there; 0: the time is up, or what woke us is not said here; -errno.
static int sleep_once(void *arg, int timeout_ms)
{
	struct pp_channel *channel = arg;
	int ret = prepare(channel);

	if (ret == -EBUSY)
		return wait_for(channel, BUSY_WAIT_MS);
	// A frame can also come home by another channel, which does not wake us.
	if (__atomic_load_n(&channel->starving, __ATOMIC_SEQ_CST) &&
	    (timeout_ms < 0 || timeout_ms > STARVING_WAIT_MS))
		timeout_ms = STARVING_WAIT_MS;
	return ret ?: wait_for(channel, timeout_ms);
}

int pp_channel_wait(struct pp_channel *channel, int timeout_ms)
{
	return pp_gate_wait(&channel->gate, sleep_once, channel, timeout_ms);
}

// Whether something is there, and nothing else: the thread that sends or releases comes between.
static int look(struct pp_channel *channel)
{
	int ret = pp_gate_enter(&channel->gate);

	if (ret < 0)
		return ret == -EBUSY ? 0 : ret;
	ret = !pp_port_rx_empty(channel->port);
	pp_gate_leave(&channel->gate);
	return ret;
}

static int spin(struct pp_channel *channel)
{
	bool loaded = __atomic_load_n(&channel->last_burst, __ATOMIC_RELAXED) >= LOADED_PKTS;
	uint64_t end_ns = pp_clock_ns(CLOCK_MONOTONIC) + (loaded ? SPIN_LOADED_NS : SPIN_NS);
	int ret;

	do {
		for (int i = 0; i < LOOKS_A_TIME; i++) {
			ret = look(channel);
			if (ret != 0)
				return ret;
			__builtin_ia32_pause();
		}
	} while (pp_clock_ns(CLOCK_MONOTONIC) < end_ns);
	return 0;
}

int pp_channel_receive_wait(struct pp_channel *channel,
			    struct pp_frame *frame,
			    uint32_t max,
			    int timeout_ms)
{
	int n = pp_channel_receive(channel, frame, max);

	if (n != 0 || timeout_ms == 0)
		return n;
	n = spin(channel) ?: pp_channel_wait(channel, timeout_ms);
	return n > 0 ? pp_channel_receive(channel, frame, max) : n;
}

void pp_channel_wake(struct pp_channel *channel)
{
	pp_gate_say(&channel->gate);
}

int pp_channel_fd(struct pp_channel *channel)
{
	struct epoll_event event = {.events = EPOLLIN};
	int ret = pp_gate_enter(&channel->gate);

	if (ret < 0)
		return ret;
	if (channel->epoll_fd < 0) {
		int fd = epoll_create1(EPOLL_CLOEXEC);

		if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, channel->gate.wake_fd, &event) < 0 ||
		    epoll_ctl(fd, EPOLL_CTL_ADD, pp_port_fd(channel->port), &event) < 0) {
			ret = -errno;
			if (fd >= 0)
				close(fd);
		} else {
			channel->epoll_fd = fd;
		}
	}
	pp_gate_leave(&channel->gate);
	return ret ?: channel->epoll_fd;
}

// A frame of ours goes to the free stack, another port's to where that port finds it.
void pp_channel_put_back(struct pp_port *port, uint32_t frame)
{
	struct pp_pool *pool = pp_port_pool(port);

	if (pp_port_is_home(port, frame)) {
		pp_pool_set_state(pool, frame, PP_FRAME_HOME);
		pp_port_put(port, frame);
	} else {
		pp_pool_give_back(pool, frame);
	}
}

int pp_channel_release(struct pp_channel *channel, const struct pp_frame *frame, uint32_t n)
{
	struct pp_pool *pool;
	int ret = pp_gate_enter(&channel->gate);

	if (ret == -ESHUTDOWN || ret == -ENETDOWN)
		return pp_channel_give_back(channel, frame, n);
	if (ret < 0)
		return ret;
	pool = pp_port_pool(channel->port);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t number = pp_channel_frame(pool, &frame[i]);

		if (pp_channel_is_inside(pool, frame[i].data) && pp_channel_claim(pool, number))
			pp_channel_put_back(channel->port, number);
		else
			ret = pp_channel_refuse(channel, -EINVAL);
	}
	pp_gate_leave(&channel->gate);
	return ret;
}

static int give_back(struct pp_channel *channel, const struct pp_frame *frame, uint32_t n)
{
	struct pp_port *port = __atomic_load_n(&channel->port, __ATOMIC_SEQ_CST);
	struct pp_pool *pool = port != NULL ? pp_port_pool(port) : NULL;
	int ret = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (pool != NULL && pp_channel_is_inside(pool, frame[i].data) &&
		    pp_channel_claim(pool, pp_channel_frame(pool, &frame[i])))
			pp_pool_give_back(pool, pp_channel_frame(pool, &frame[i]));
		else
			ret = pp_channel_refuse(channel, -EINVAL);
	}
	return ret;
}

int pp_channel_give_back(struct pp_channel *channel, const struct pp_frame *frame, uint32_t n)
{
	int ret;

	// The port stays while we are in: pairs with pp_channel_set_port().
	__atomic_fetch_add(&channel->giving, 1, __ATOMIC_SEQ_CST);
	ret = give_back(channel, frame, n);
	// After what was given back can be seen: pairs with prepare_idle().
	if (__atomic_load_n(&channel->starving, __ATOMIC_SEQ_CST) &&
	    __atomic_exchange_n(&channel->starving, 0, __ATOMIC_SEQ_CST))
		pp_gate_nudge(&channel->gate);
	__atomic_fetch_sub(&channel->giving, 1, __ATOMIC_SEQ_CST);
	return ret;
}

uint32_t pp_channel_frame_bytes(const struct pp_channel *channel)
{
	const struct pp_port *port = __atomic_load_n(&channel->port, __ATOMIC_SEQ_CST);

	return port != NULL ? pp_port_pool(port)->chunk_bytes : 0;
}

bool pp_channel_shares(const struct pp_channel *channel, const struct pp_channel *with)
{
	const struct pp_port *a = __atomic_load_n(&channel->port, __ATOMIC_SEQ_CST);
	const struct pp_port *b = __atomic_load_n(&with->port, __ATOMIC_SEQ_CST);

	return a != NULL && b != NULL && pp_port_shares(a, b);
}

static int set_option(int fd, int option, uint32_t value)
{
	const int number = (int)value;

	return setsockopt(fd, SOL_SOCKET, option, &number, sizeof(number)) < 0 ? -errno : 0;
}

int pp_channel_busy_poll(struct pp_channel *channel,
			 uint32_t us,
			 uint32_t budget,
			 struct pp_error *err)
{
	int fd, ret = pp_gate_enter(&channel->gate);

	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "the channel cannot be used: %s",
				    strerror(-ret));
	fd = pp_port_fd(channel->port);
	if (us > 0 && pp_port_info(channel->port)->napi_id == 0)
		ret = pp_error_set(err, -EOPNOTSUPP, 0, 0,
				   "the queue has no NAPI instance to poll (napi_id 0)");
	ret = ret ?: set_option(fd, SO_PREFER_BUSY_POLL, us > 0);
	ret = ret ?: set_option(fd, SO_BUSY_POLL, us);
	if (us > 0)
		ret = ret ?: set_option(fd, SO_BUSY_POLL_BUDGET, budget);
	if (ret < 0 && ret != -EOPNOTSUPP)
		pp_error_set(err, ret, 0, 0, "cannot set busy polling: %s", strerror(-ret));
	pp_gate_leave(&channel->gate);
	return ret;
}
