# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command line: what it asks the daemon, and what it prints.

The daemon is played by a few lines of Python that write down what they are asked.
"""

import json
import socket
import threading

import pytest

from cli import run

RULES = [
    {"id": 7, "prio": 1000, "text": "drop proto tcp src 192.0.2.0/24", "name": None,
     "origin": "command", "ttl_ms": 597_001, "packets": 1234567, "bytes": 98765432},
    {"id": 12, "prio": 2000, "text": "pass any prio 2000", "name": None,
     "origin": "config", "ttl_ms": None, "packets": 0, "bytes": 0},
]


class Refuse(Exception):
    """What the daemon refuses with."""

    def __init__(self, code, message, **data):
        super().__init__(message)
        self.error = {"code": code, "message": message, **({"data": data} if data else {})}


class FakeDaemon:
    """Answers as answers[method] says: a result, or a function of the parameters."""

    def __init__(self, path, **answers):
        self.path = str(path)
        self.answers = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.asked = []
        self.connections = 0
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            with client, client.makefile("rw") as lines:
                for line in lines:
                    lines.write(json.dumps(self.answer(json.loads(line))) + "\n")
                    lines.flush()

    def answer(self, request):
        assert request["jsonrpc"] == "2.0"
        self.asked.append((request["method"], request.get("params")))
        answer = self.answers[request["method"]]
        try:
            result = answer(request.get("params")) if callable(answer) else answer
        except Refuse as refusal:
            return {"jsonrpc": "2.0", "id": request["id"], "error": refusal.error}
        return {"jsonrpc": "2.0", "id": request["id"], "result": result}

    def run(self, *argv, **options):
        """Run a command against it. The command's words come first, then the socket."""
        return run(*argv, "-s", self.path, **options)

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


@pytest.fixture
def daemon(tmp_path):
    made = []

    def make(**answers):
        made.append(FakeDaemon(tmp_path / "ctl", **answers))
        return made[-1]

    yield make
    for one in made:
        one.close()


def numbered(first):
    """rules.add that gives ids."""
    ids = iter(range(first, 1000))
    return lambda params: {"id": next(ids), "generation": 2, "warnings": []}


def batch_of(call):
    return lambda params: {"results": [call(command["params"]) for command in params["commands"]],
                           "generation": 2}


# Rules

def test_one_rule_is_one_request_and_its_id_is_all_that_is_printed(daemon):
    fake = daemon(rules_add=numbered(17))
    done = fake.run("rule", "add", "drop proto tcp src 192.0.2.0/24", "--ttl", "10m")
    assert (done.returncode, done.stdout, done.stderr) == (0, "17\n", "")
    assert fake.asked == [("rules.add", {"rule": "drop proto tcp src 192.0.2.0/24",
                                         "ttl_ms": 600_000})]
    assert fake.connections == 1


def test_ttl_is_never_rounded_down(daemon):
    fake = daemon(rules_add=numbered(1))
    assert fake.run("rule", "add", "drop any", "--ttl", "1500us").returncode == 0
    assert fake.asked[0][1]["ttl_ms"] == 2


def test_warnings_go_to_standard_error(daemon):
    fake = daemon(rules_add={"id": 3, "generation": 2, "warnings": ["it drops ARP"]})
    done = fake.run("rule", "add", "drop any")
    assert (done.returncode, done.stdout) == (0, "3\n")
    assert done.stderr == "push-packet: warning: it drops ARP\n"


def test_several_rules_are_one_batch(daemon):
    fake = daemon(batch=batch_of(numbered(5)))
    done = fake.run("rule", "add", "drop any", "pass proto udp", "drop src @bad")
    assert (done.returncode, done.stdout) == (0, "5\n6\n7\n")
    (method, params), = fake.asked
    assert method == "batch"
    assert [command["method"] for command in params["commands"]] == ["rules.add"] * 3
    assert [command["params"]["rule"] for command in params["commands"]] == [
        "drop any", "pass proto udp", "drop src @bad"]


@pytest.mark.parametrize("standard_input", [False, True])
def test_file_of_rules_is_one_batch(daemon, tmp_path, standard_input):
    fake = daemon(batch=batch_of(numbered(1)))
    path = tmp_path / "rules"
    path.write_text("# comment\n\ndrop any # why\r\n  pass proto udp\ndrop settle\n")
    with open(path, encoding="utf-8") as text:
        done = fake.run("rule", "add", "-f", "-" if standard_input else path, stdin=text)
    assert (done.returncode, done.stdout) == (0, "1\n2\n3\n"), done.stderr
    assert [command["params"]["rule"] for command in fake.asked[0][1]["commands"]] == [
        "drop any # why", "  pass proto udp", "drop settle"]


def test_rules_may_come_through_a_socket(daemon):
    fake = daemon(rules_add=numbered(1))
    ours, theirs = socket.socketpair()
    ours.sendall(b"drop any\n")
    ours.close()
    assert fake.run("rule", "add", "-f", "-", stdin=theirs).stdout == "1\n"
    theirs.close()


def refuse_at(index, col):
    def answer(params):
        raise Refuse(-32001, "expected an action, found 'dorp'", index=index, line=1, col=col)
    return answer


def test_error_in_a_file_has_its_place(daemon, tmp_path):
    fake = daemon(batch=refuse_at(1, 3))
    path = tmp_path / "rules"
    path.write_text("# comment\ndrop any\n\n  dorp any\n")
    done = fake.run("rule", "add", "-f", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{path}:4:3: error: expected an action, found 'dorp'\n"


def test_error_on_the_command_line_is_pointed_at(daemon):
    fake = daemon(batch=refuse_at(1, 6),
                  rules_add=lambda params: refuse_at(0, 6)(params))
    want = ("push-packet: error: expected an action, found 'dorp'\n"
            "  drop dorp any\n"
            "       ^\n")
    assert fake.run("rule", "add", "drop dorp any").stderr == want
    assert fake.run("rule", "add", "pass any", "drop dorp any").stderr == want


def test_sets_in_a_file_of_rules_are_refused_before_anything_is_asked(daemon, tmp_path):
    fake = daemon()
    path = tmp_path / "rules"
    path.write_text("drop any\nset bad { 192.0.2.1 }\n")
    done = fake.run("rule", "add", "-f", path)
    assert done.returncode == 1 and done.stderr.startswith(f"{path}:2:1: error: expected a rule")
    assert fake.asked == []


def test_file_that_cannot_be_read_is_said(daemon, tmp_path):
    done = daemon().run("rule", "replace", tmp_path / "none")
    assert done.returncode == 1 and "cannot read it: No such file" in done.stderr


def test_rules_are_deleted_in_one_batch(daemon):
    fake = daemon(batch=batch_of(lambda params: {"generation": 3}))
    done = fake.run("rule", "del", 4, 17)
    assert (done.returncode, done.stdout) == (0, "")
    assert fake.asked == [("batch", {"commands": [
        {"method": "rules.delete", "params": {"id": 4}},
        {"method": "rules.delete", "params": {"id": 17}}]})]


def test_replacing_all_rules_says_what_stayed(daemon, tmp_path):
    fake = daemon(rules_replace={"generation": 9, "ids": [1, 8], "added": 1, "deleted": 3,
                                 "kept": 1, "warnings": []})
    path = tmp_path / "rules"
    path.write_text("drop any\npass any\n")
    assert fake.run("rule", "replace", path).stdout == "1 added, 3 deleted, 1 kept\n"
    assert fake.asked == [("rules.replace", {"rules": ["drop any", "pass any"]})]


def test_flush_says_how_many_went(daemon):
    fake = daemon(rules_flush={"generation": 9, "deleted": 12})
    assert fake.run("rule", "flush").stdout == "12 deleted\n"


def test_rules_are_listed_as_a_table(daemon):
    fake = daemon(rules_list={"generation": 4, "default": "pass", "rules": RULES})
    head, *rows, last = fake.run("rule", "list").stdout.splitlines()
    assert head.split() == ["id", "prio", "ttl", "packets", "bytes", "origin", "rule"]
    assert rows[0].split(maxsplit=6) == ["7", "1000", "9m58s", "1,234,567", "98,765,432",
                                         "command", "drop proto tcp src 192.0.2.0/24"]
    assert rows[1].split(maxsplit=6)[2] == "-"
    assert {row.index(rule["text"]) for row, rule in zip(rows, RULES)} == {head.index("rule")}
    assert last == "default pass; generation 4"


def test_rules_are_listed_as_json(daemon):
    answer = {"generation": 4, "default": "pass", "rules": RULES}
    done = daemon(rules_list=answer).run("rule", "list", "--json")
    assert json.loads(done.stdout) == answer


def test_rule_is_tested_without_being_added(daemon):
    fake = daemon(rules_test={"text": "drop proto udp", "warnings": ["it drops DNS"]})
    done = fake.run("rule", "test", "drop   proto 17")
    assert (done.returncode, done.stdout) == (0, "drop proto udp\n")
    assert done.stderr == "push-packet: warning: it drops DNS\n"
    assert fake.asked == [("rules.test", {"rule": "drop   proto 17"})]


# Sets, default, reload

def test_entries_are_put_into_a_set(daemon):
    fake = daemon(sets_add={"added": 2, "renewed": 1, "generation": 3})
    done = fake.run("set", "add", "bad", "192.0.2.1", "2001:db8::/32", "--ttl", "1h")
    assert done.stdout == "2 added, 1 renewed\n"
    assert fake.asked == [("sets.add", {"name": "bad", "ttl_ms": 3_600_000,
                                        "entries": ["192.0.2.1", "2001:db8::/32"]})]


def test_entries_or_the_whole_set_are_deleted(daemon):
    fake = daemon(sets_delete={"deleted": 1, "generation": 3})
    assert fake.run("set", "del", "bad", "192.0.2.1").stdout == "1 deleted\n"
    assert fake.run("set", "del", "bad").returncode == 0
    assert fake.asked == [("sets.delete", {"name": "bad", "entries": ["192.0.2.1"]}),
                          ("sets.delete", {"name": "bad"})]


def test_file_of_a_set_is_named_by_its_absolute_path(daemon, tmp_path):
    fake = daemon(sets_replace={"added": 3, "deleted": 1, "entries": 10, "generation": 3})
    (tmp_path / "list.txt").write_text("192.0.2.1\n")
    done = fake.run("set", "load", "bad", "list.txt", cwd=tmp_path)
    assert done.stdout == "3 added, 1 deleted, 10 entries\n"
    assert fake.asked == [("sets.replace", {"name": "bad",
                                            "file": str((tmp_path / "list.txt").resolve())})]
    assert fake.run("set", "load", "bad", "none.txt", cwd=tmp_path).returncode == 1


def test_sets_are_listed(daemon):
    sets = {"sets": [{"name": "office", "entries": 175000, "ip4": 174000, "ip6": 1000,
                      "origin": "config", "rules": 2, "protected": True}]}
    fake = daemon(sets_list=sets)
    head, row = fake.run("set", "list").stdout.splitlines()
    assert dict(zip(head.split(), row.split())) == {
        "set": "office", "entries": "175,000", "ip4": "174,000", "ip6": "1,000", "rules": "2",
        "protected": "yes", "origin": "config"}
    assert json.loads(fake.run("set", "list", "--json").stdout) == sets


def pages(entries):
    def answer(params):
        end = params["offset"] + params["limit"]
        assert params["limit"] <= 10000
        return {"entries": entries[params["offset"]:end],
                "next": end if end < len(entries) else None}
    return answer


@pytest.mark.parametrize("count", [0, 1, 10000, 10001, 25000])
def test_all_entries_of_a_set_are_listed(daemon, count):
    entries = [{"prefix": f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}/32", "ttl_ms": None}
               for i in range(count)]
    if entries:
        entries[-1]["ttl_ms"] = 59_001
    fake = daemon(sets_entries=pages(entries))
    lines = fake.run("set", "list", "bad").stdout.splitlines()
    assert lines == [entry["prefix"] + (" ttl 60s" if entry["ttl_ms"] else "")
                     for entry in entries]
    assert json.loads(fake.run("set", "list", "bad", "--json").stdout) == {
        "name": "bad", "entries": entries}
    assert fake.connections == 2


def test_default_action_is_set(daemon):
    fake = daemon(default_set={"generation": 3, "warnings": ["it drops ARP"]})
    done = fake.run("default", "drop")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "push-packet: warning: it drops ARP\n"
    assert fake.asked == [("default.set", {"verdict": "drop"})]


def test_reload_says_what_changed(daemon):
    changed = ["rules: 2 added, 1 deleted, 40 kept", "default: pass to drop"]
    answers = iter([{"changed": changed, "generation": 9}, {"changed": [], "generation": 9}])
    fake = daemon(reload=lambda params: next(answers))
    assert fake.run("reload").stdout.splitlines() == changed
    assert fake.run("reload").stdout == "nothing changed\n"


def test_refusal_is_status_1_and_nothing_on_standard_output(daemon):
    def refuse(params):
        raise Refuse(-32004, "rule 3 names the set 'bad'")
    done = daemon(sets_delete=refuse).run("set", "del", "bad")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "push-packet: error: the daemon refused: rule 3 names the set 'bad'\n"


def test_socket_of_a_configuration_is_taken(daemon, tmp_path):
    fake = daemon(rules_flush={"generation": 9, "deleted": 0})
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"interfaces": [{"name": "pp0"}],
                                "control": {"socket": fake.path}}))
    done = run("rule", "flush", "-c", path)
    assert (done.returncode, done.stdout) == (0, "0 deleted\n"), done.stderr


def test_bad_rules_in_a_configuration_do_not_keep_from_the_daemon(daemon, tmp_path):
    fake = daemon(rules_flush={"generation": 9, "deleted": 0})
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"rules": {"files": ["/none"], "inline": ["dorp any"]},
                                "control": {"socket": fake.path}}))
    assert run("rule", "flush", "-c", path).stdout == "0 deleted\n"


def test_bad_socket_in_a_configuration_has_its_place(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("control:\n  socket: here\n")
    done = run("rule", "flush", "-c", path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{path}:2:11: error: expected an absolute path")


COMMANDS = [["rule", "add", "drop any"], ["rule", "del", "1"], ["rule", "list"],
            ["rule", "flush"], ["rule", "test", "drop any"], ["set", "add", "a", "192.0.2.1"],
            ["set", "del", "a"], ["set", "list"], ["set", "list", "a"],
            ["set", "load", "a", "/dev/null"], ["default", "pass"], ["reload"], ["stats"]]


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_without_a_daemon_the_status_is_1(tmp_path, argv):
    done = run(*argv, "-s", tmp_path / "none")
    assert done.returncode == 1 and "is it running" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("argv", [
    ["rule"], ["rule", "nosuch"], ["rule", "add"], ["rule", "add", "drop any", "-f", "x"],
    ["rule", "add", "drop any", "--ttl", "0"], ["rule", "add", "drop any", "--ttl", "10"],
    ["rule", "del"], ["rule", "del", "x"], ["rule", "del", "0"], ["rule", "del", "1", "-1"],
    ["rule", "list", "x"], ["rule", "replace"], ["rule", "replace", "a", "b"],
    ["rule", "test"], ["set", "add", "bad"], ["set", "load", "bad"], ["set", "list", "a", "b"],
    ["default"], ["reload", "now"], ["reload", "-s", "a", "-c", "b"], ["help", "nosuch"],
    ["default", "reject"],
], ids=" ".join)
def test_wrong_usage_is_status_2_and_one_line(argv):
    done = run(*argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "--help" in done.stderr
