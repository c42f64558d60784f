#!/usr/bin/env python3
"""Sums up what tests/scenes/quiet.sh has kept: false alarms by camera, day and rule.

quiet.py FOLDER              the table; exits 1 where a rule has more than one for a camera and day
quiet.py --line RESULT SCENE one line about one hour
"""

import collections
import json
import pathlib
import sys
import tomllib

# The most false alarms a rule may raise for one camera in one day.
MOST = 1


def false_alarms(result):
    """[(rule, kind, how many)] of one hour, those with none left out; fails where the hour was not run."""
    case = json.loads(pathlib.Path(result).read_text())["cases"][0]
    if case.get("error"):
        sys.exit(f"{result}: not run: {case['error']}; delete the file and run the hour again")
    return case, [(r["id"], r["kind"], r["fp"]) for r in case["rules"] if r["fp"]]


def line(result, scene):
    case, false = false_alarms(result)
    scene = tomllib.loads(pathlib.Path(scene).read_text())
    sky = scene["light"]["daylight"] + "".join(
        f" {key} {value:g}"
        for table in ("weather", "lens")
        for key, value in scene[table].items()
        if value
    )
    told = ", ".join(f"{rule} {n}" for rule, _, n in false) or "none"
    looked = f"{case['looked']} of {case['frames']} frames looked at"
    print(f"{case['name']}: {sky}; {looked}; false alarms: {told}", flush=True)


def table(folder):
    days = collections.Counter()
    seconds = collections.Counter()
    rules = {}
    for result in sorted(pathlib.Path(folder).glob("quiet-*-*.json")):
        case, false = false_alarms(result)
        _, camera, hour = result.stem.split("-")
        day = (camera, int(hour) // 24)
        seconds[day] += case["duration_s"]
        rules |= {r["id"]: r["kind"] for r in case["rules"]}
        for rule, _, n in false:
            days[(*day, rule)] += n
    for (camera, day), media in sorted(seconds.items()):
        print(f"camera {camera}, day {day + 1}: {media / 3600:.1f} h of media time, {len(rules)} rules")
    print(f"{'rule':<26} {'kind':<18} false alarms by camera and day")
    for rule, kind in rules.items():
        counts = " ".join(f"{days[(*day, rule)]:5}" for day in sorted(seconds))
        print(f"{rule:<26} {kind:<18} {counts}")
    over = {key[2] for key, n in days.items() if n > MOST}
    print(f"{len(rules) - len(over)} of {len(rules)} rules at most {MOST} a camera and day")
    sys.exit(1 if over or not rules else 0)


if sys.argv[1] == "--line":
    line(*sys.argv[2:4])
else:
    table(sys.argv[1])
