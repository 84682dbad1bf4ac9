"""`arpad suggest` names the command that records a suggested match with the probability with which it was drawn."""

import shlex


def test_what_is_suggested_can_be_recorded_as_it_is_said(arpad):
    arpad.ok("league", "create", "tennis")
    for first, second in (("Alice", "Bob B."), ("Bob B.", "Carla"), ("Carla", "Alice")):
        arpad.ok("record", "tennis", first, second, "first", "--yes")
    arpad.ok("refit", "tennis", "--wait")
    row = arpad.ok("suggest", "tennis", "--count", "1")["rows"][0]
    shown = arpad("suggest", "tennis", "--count", "1").out
    assert "more matches between" in shown or "No number of matches" in shown
    (line,) = [line for line in shown.splitlines() if line.startswith("Next: arpad ")]
    words = shlex.split(line.removeprefix("Next: arpad "))
    receipt = arpad.ok(*words, "--yes")
    assert receipt["context"] == row["context"]
    assert (receipt["first"], receipt["second"]) == (row["first"], row["second"])
