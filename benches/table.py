"""Prints the table of README.md from what criterion left in target/criterion. With --write, puts it into README.md.

The rows and what each decides stand in rows.toml; a row without a figure, or a figure without a row, is an error.
"""

import json
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
FIGURES = HERE.parent / "target" / "criterion"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"


def figures() -> dict[str, float]:
    """Median time of every benchmark in nanoseconds, by its full name."""
    found = {}
    for path in FIGURES.glob("**/new/benchmark.json"):
        name = json.loads(path.read_text())["full_id"]
        found[name] = json.loads((path.parent / "estimates.json").read_text())["median"]["point_estimate"]
    return found


def duration(nanoseconds: float) -> str:
    for factor, unit in ((1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= factor:
            return f"{nanoseconds / factor:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def table() -> str:
    rows = tomllib.loads((HERE / "rows.toml").read_text())
    found = figures()
    missing, extra = rows.keys() - found.keys(), found.keys() - rows.keys()
    if missing or extra:
        sys.exit(f"rows.toml and target/criterion differ: without a figure {sorted(missing)}, without a row {sorted(extra)}")
    lines = [f"One core of: {processor()}. Medians.", "", "| benchmark | figure | aim | what it settles |", "|---|---|---|---|"]
    for name, row in rows.items():
        lines.append(f"| `{name}` | {duration(found[name])} | {row.get('aim', '')} | {row['settles']} |")
    return "\n".join(lines)


def main() -> None:
    text = table()
    print(text)
    if "--write" in sys.argv[1:]:
        page = HERE / "README.md"
        before, rest = page.read_text().split(BEGIN)
        after = rest.split(END)[1]
        page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


main()
