# SPDX-License-Identifier: MIT OR Apache-2.0
"""A thousand random sequences of commands against a model of what the rules must be."""

import copy
import itertools

from hypothesis import HealthCheck, given, settings, strategies as st

from lab import Lab
from rpc import Client, Refused

PRIO_DEFAULT = 1000
SETS = ["a", "b", "c"]


class Error(Exception):
    """The model refuses."""


class Model:
    """Rules in match order as [id, prio, text], sets as name: {prefix}, the default action.

    The id of a rule that is new since the last look is None.
    """

    def __init__(self):
        self.rules = []
        self.sets = {}
        self.default = "pass"

    def parse(self, text):
        words = text.split()
        prio = PRIO_DEFAULT
        if "prio" in words:
            prio = int(words[words.index("prio") + 1])
        for word in words:
            if word.startswith("@") and word[1:] not in self.sets:
                raise Error
            if word == "nonsense":
                raise Error
        return prio

    def insert(self, entry):
        index = len(self.rules)
        while index > 0 and self.rules[index - 1][1] > entry[1]:
            index -= 1
        self.rules.insert(index, entry)

    def users(self, name):
        return any(f"@{name}" in text.split() for _, _, text in self.rules)

    def add_rule(self, rule):
        self.insert([None, self.parse(rule), rule])

    def delete_rule(self, id):
        found = [entry for entry in self.rules if entry[0] == id]
        if not found:
            raise Error
        self.rules.remove(found[0])

    def replace_rules(self, rules):
        parsed = [[None, self.parse(text), text] for text in rules]
        old, self.rules = self.rules, []
        for entry in parsed:
            same = [rule for rule in old if rule[2] == entry[2]]
            if same:
                entry[0] = same[0][0]
                old.remove(same[0])
            self.insert(entry)

    def flush_rules(self):
        self.rules = []

    def add_to_set(self, name, entries):
        if name not in self.sets and len(self.sets) >= 256:
            raise Error
        self.sets.setdefault(name, set()).update(entries)

    def delete_from_set(self, name, entries=None):
        if name not in self.sets:
            raise Error
        if entries is None:
            if self.users(name):
                raise Error
            del self.sets[name]
            return
        if not set(entries) <= self.sets[name]:
            raise Error
        self.sets[name] -= set(entries)

    def replace_set(self, name, entries):
        self.sets[name] = set(entries)

    def set_default(self, verdict):
        self.default = verdict

    def batch(self, commands):
        trial = copy.deepcopy(self)
        for method, params in commands:
            trial.apply(method, params)
        self.rules, self.sets, self.default = trial.rules, trial.sets, trial.default

    def apply(self, method, params):
        getattr(self, METHODS[method])(**params)


METHODS = {"rules.add": "add_rule", "rules.delete": "delete_rule", "rules.replace": "replace_rules",
           "rules.flush": "flush_rules", "sets.add": "add_to_set", "sets.delete": "delete_from_set",
           "sets.replace": "replace_set", "default.set": "set_default", "batch": "batch"}

names = st.sampled_from(SETS)
rules = st.builds(
    lambda verdict, condition, prio: f"{verdict} {condition}{prio}",
    st.sampled_from(["pass", "drop"]),
    st.one_of(st.sampled_from(["any", "proto udp", "src 192.0.2.0/24", "proto tcp dport 80-90",
                               "nonsense"]),
              names.map(lambda name: f"src @{name}")),
    st.sampled_from(["", "", "", " prio 5", " prio 2000"]))
prefixes = st.lists(st.sampled_from(["192.0.2.0/24", "192.0.2.1", "198.51.100.0/25", "2001:db8::/32",
                                     "::1"]), min_size=1, max_size=3, unique=True)


def command(method, **params):
    return st.tuples(st.just(method), st.fixed_dictionaries(params))


simple = st.one_of(
    command("rules.add", rule=rules),
    command("rules.add", rule=rules),
    command("rules.delete", id=st.integers(0, 4)),  # of the rules at the beginning; else unknown
    command("rules.replace", rules=st.lists(rules, max_size=4)),
    command("rules.flush"),
    command("sets.add", name=names, entries=prefixes),
    command("sets.delete", name=names),
    command("sets.delete", name=names, entries=prefixes),
    command("sets.replace", name=names, entries=prefixes),
    command("default.set", verdict=st.sampled_from(["pass", "drop"])))
sequences = st.lists(st.one_of(simple, simple, simple, simple,
                               command("batch", commands=st.lists(simple, min_size=1, max_size=4))),
                     min_size=1, max_size=10)


def resolve(method, params, ids):
    """Positions become ids; one past the end is an id that was never given."""
    if method == "batch":
        return method, {"commands": [resolve(*inner, ids) for inner in params["commands"]]}
    if method == "rules.delete":
        return method, {"id": ids[params["id"]] if params["id"] < len(ids) else 4_000_000_000}
    return method, params


def send(client, method, params):
    if method == "batch":
        params = {"commands": [{"method": name, "params": inner}
                               for name, inner in params["commands"]]}
    client.send(method, **params)


def answered(client):
    try:
        client.receive()
        return True
    except Refused:
        return False


def accepted(model, method, params):
    try:
        model.apply(method, params)
        return True
    except Error:
        return False


def compare(client, model, last_id):
    listed = client.call("rules.list")
    assert listed["default"] == model.default
    assert [entry["text"] for entry in listed["rules"]] == [text for _, _, text in model.rules]
    ids = [entry["id"] for entry in listed["rules"]]
    assert len(set(ids)) == len(ids)
    for id, entry in zip(ids, model.rules):
        if entry[0] is None:
            assert id > last_id
        else:
            assert id == entry[0]
        entry[0] = id
    sets = {entry["name"]: entry for entry in client.call("sets.list")["sets"]}
    assert set(sets) == set(model.sets)
    for name, entries in model.sets.items():
        assert sets[name]["entries"] == len(entries)
        got = client.call("sets.entries", name=name)["entries"]
        assert {entry["prefix"] for entry in got} == entries
    return ids


def test_random_commands_do_what_the_model_says():
    with Lab() as lab, lab.daemon() as daemon:
        client = Client(daemon.socket)
        model = Model()
        last_id = [0]
        count = itertools.count(1)

        @settings(max_examples=1000, deadline=None, database=None, derandomize=True,
                  suppress_health_check=list(HealthCheck))
        @given(sequences)
        def check(sequence):
            next(count)
            ids = [entry[0] for entry in model.rules]
            todo = [resolve(method, params, ids) for method, params in sequence]
            for method, params in todo:
                send(client, method, params)
            for method, params in todo:
                assert answered(client) == accepted(model, method, params), (method, params)
            last_id[0] = max([last_id[0], *compare(client, model, last_id[0])])

        check()
        assert next(count) > 1000
        assert daemon.stats()["balanced"]
