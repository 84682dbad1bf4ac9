"""Proves an export of Arpad without Arpad: the chain of hashes, who the numbers are, and the ratings, rebuilt from the file alone.

`python3 verify.py tennis.ndjson` prints state_hash and log_head, as `arpad verify` does, or leaves with 8 and the line at fault. It is one file
of plain Python (3.11), to be read in five minutes and rewritten in any language whose numbers are IEEE doubles.
"""

import hashlib
import json
import math
import sys
from datetime import datetime
from pathlib import Path

SCORES = {"first": 1.0, "draw": 0.5, "second": 0.0}
CAN_BE_VOID, MOVES_NO_RATING = {"match", "void", "correct", "merge"}, {"fit", "register", "rename", "retire", "forget"}


def require(holds, fault):
    if not holds:
        raise ValueError(fault)


def exponential(x):  # e^x of FDLIBM: + − × ÷ in this order, then a power of two
    if not -745.1332191019412 <= x <= 709.782712893384:
        return math.inf if x > 0 else 0.0
    k = int(x * 1.4426950408889634 + 0.5) if x >= 0.0 else int(x * 1.4426950408889634 - 0.5)
    high, low = x - k * 0.6931471803691238, k * 1.9082149292705877e-10
    r = high - low
    t = r * r
    p = -0.0027777777777015593 + t * (6.613756321437934e-05 + t * (-1.6533902205465252e-06 + t * 4.1381367970572385e-08))
    c = r - t * (0.16666666666666602 + t * p)
    return math.ldexp(1.0 - ((low - r * c / (2.0 - c)) - high), k)


class Log:  # what the lines read so far say
    def __init__(self):
        self.lines, self.head, self.recorded_at, self.is_complete = 0, bytes(32), None, False
        self.keys, self.told, self.saltless = {}, {}, set()  # key → number; number → commitment that no entry has told yet; whom no salt proves
        self.kinds, self.settings, self.ids = [], {}, set()  # the kind at each position; the settings now in force; every match_id
        self.matches, self.corrections, self.merges, self.voids = {}, {}, {}, {}  # by position

    def take(self, line):
        self.lines += 1
        require(not self.is_complete, "it follows the last line.")
        value = json.loads(line.decode("ascii"))
        if "hash" in value:
            self.take_entry(line, value)
        elif "competitor" in value:
            self.take_competitor(**value)
        else:
            end = b'{"count":%d,"head":"%s"}' % (len(self.kinds), self.head.hex().encode())
            require(line == end and self.kinds and not self.told and not self.saltless, "it does not fit the lines before.")
            self.is_complete = True

    def take_competitor(self, competitor, key, name, salt, commitment=None):  # the members of the line; a name proves nothing
        is_proven = salt is not None or key.startswith(f"forgotten-{competitor}")
        require(competitor == len(self.keys) and key not in self.keys and is_proven, "its number or its key is not a new one.")
        self.keys[key], self.saltless = competitor, self.saltless | ({competitor} if salt is None else set())
        # Of a forgotten person only the commitment is left; of all others it follows from salt and key.
        self.told[str(competitor)] = commitment if salt is None else hashlib.sha256(bytes.fromhex(salt) + key.encode()).hexdigest()

    def take_entry(self, line, value):
        body, _, told = line.rpartition(b',"hash":')
        self.head = hashlib.sha256(self.head + body + b"}").digest()
        require(told == f'"{self.head.hex()}"}}'.encode(), "its hash is not that of this line after the ones before: something was changed.")
        position, kind = len(self.kinds), value["kind"]
        require(value["position"] == position and (kind == "create") == (position == 0), "it is out of its place.")
        before, self.recorded_at = self.recorded_at, datetime.fromisoformat(value["recorded_at"])
        require(position == 0 or before <= self.recorded_at, "its time is before that of the one before.")
        require(value.get("commitments", {}) == self.told, "the competitors told before it are not those that it brings into being.")
        self.told = {}
        self.read(position, kind, value)
        self.kinds.append(kind)

    def read(self, position, kind, value):
        if kind in {"create", "settings"}:
            self.settings = value.get("settings", self.settings)
            known = value.get("format", 1) == 1 and value.get("algorithm", "elo-1") in {"elo-1", "elo-2"} and self.settings["system"] == "elo"
            require(known, "its format, its arithmetic or its rating system is unknown here.")
        elif kind == "match":
            require(value["match_id"] not in self.ids, "its match_id was there before.")
            self.ids.add(value["match_id"])
            self.matches[position] = (*self.read_match(value), value["match_id"], self.rules())
        elif kind == "void":
            self.voids[position] = value["target"]
            require(value["target"] in range(position) and self.kinds[value["target"]] in CAN_BE_VOID, "its target is no entry that can be void.")
        elif kind == "correct":
            require(value["target"] in self.matches, "its target is no match before it.")
            self.corrections[position] = value["target"], (*self.read_match(value), *self.matches[value["target"]][6:])
        elif kind == "merge":
            self.merges[position] = self.pair(value["from"], value["into"])
        else:
            require(kind in MOVES_NO_RATING, f"the kind “{kind}” is unknown here.")
            self.saltless -= {value["competitor"]} if kind == "forget" else set()

    def pair(self, one, other):
        require(one != other and all(side in range(len(self.keys)) for side in (one, other)), "it is not about two competitors told before.")
        return one, other

    def read_match(self, value):
        played_at = datetime.fromisoformat(value["played_at"]) if value["played_at"] else None
        return *self.pair(value["first"], value["second"]), SCORES[value["outcome"]], float(value["weight"]), not value["neutral"], played_at

    def rules(self):  # of a match recorded now: points per natural unit (ln 10), what the side is worth, K by the number of games before
        side, k = self.settings["side"], self.settings["k"]
        k = k if isinstance(k, dict) else {"newcomer": k, "matches": 0, "then": k}
        advantage = 0.0 if side in {"off", "estimate"} else float(side)
        return float(self.settings["scale"]) / 2.302585092994046, advantage, float(k["newcomer"]), k["matches"], float(k["then"])

    def counted(self):
        """The matches that count, in the order in which they are rated."""
        void = set()
        for position in reversed(self.voids):
            void |= set() if position in void else {self.voids[position]}
        matches = self.matches | dict(correction for position, correction in self.corrections.items() if position not in void)
        counted = [matches[position] for position in self.matches if position not in void]
        if self.settings["order"] == "played_at":
            counted.sort(key=lambda match: (match[5], match[6].encode()))
        into = dict(merge for position, merge in self.merges.items() if position not in void)
        for _ in into:
            into = {one: into.get(other, other) for one, other in into.items()}
        require(not into.keys() & into.values(), "the merges go round in a circle.")
        merged = [(into.get(first, first), into.get(second, second), *others) for first, second, *others in counted]
        require(all(first != second for first, second, *_ in merged), "a merge makes a match one of a competitor against themselves.")
        return merged

    def state_hash(self):
        ratings = [float(self.settings["initial"])] * len(self.keys)
        records = [[0, 0, 0] for _ in self.keys]  # wins, draws, losses
        for first, second, score, weight, has_side, _, _, (unit, advantage, newcomer, games, then) in self.counted():
            surprise = score - 1.0 / (1.0 + exponential(-((ratings[first] - ratings[second] + advantage * has_side) / unit)))
            for one, sign, own in ((first, 1.0, score), (second, -1.0, 1.0 - score)):
                ratings[one] += sign * ((newcomer if sum(records[one]) < games else then) * weight * surprise)
                records[one][2 - int(2.0 * own)] += 1
        playing = sorted((key.encode(), key, ratings[number], *records[number]) for key, number in self.keys.items() if any(records[number]))
        lines = [f"{key}\t{rating!r}\t{sum(record)}\t{record[0]}\t{record[1]}\t{record[2]}\n" for _, key, rating, *record in playing]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


if __name__ == "__main__":
    log = Log()
    try:
        with sys.stdin.buffer if sys.argv[1:] in ([], ["-"]) else Path(sys.argv[1]).open("rb") as source:
            for line in source:
                log.take(line.rstrip(b"\r\n"))
        require(log.is_complete, "the file ends here, before its last line, which tells count and head.")
        print(f"state_hash {log.state_hash()}\nlog_head {log.head.hex()}")
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        sys.exit(print(f"line {log.lines} proves nothing: {error}", file=sys.stderr) or 8)
