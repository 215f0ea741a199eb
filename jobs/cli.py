"""The command line, ``threestep``: the list of its commands, and the codes that they exit with."""

from __future__ import annotations

import sys

import typer

from jobs.commands.checking import bench, doctor, show_policy
from jobs.commands.consent import explain_line, keys, receipts
from jobs.commands.delivering import dictionary, export, sheet
from jobs.commands.erasing import erase
from jobs.commands.making import demo, simulate
from jobs.commands.running import job, run
from jobs.commands.scoring import coverage, score, trial
from jobs.console import Teller
from jobs.errors import ThreestepError

app = typer.Typer(
    name="threestep",
    help="From a mobile operator's subscriber and location data to anonymous mobility statistics.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command("demo")(demo)
app.command("simulate")(simulate)
app.command("run")(run)
app.add_typer(job, name="job")
app.command("score")(score)
app.command("trial")(trial)
app.command("coverage")(coverage)
app.command("receipts")(receipts)
app.command("explain-line")(explain_line)
app.command("erase")(erase)
app.command("keys")(keys)
app.command("bench")(bench)
app.command("export")(export)
app.command("sheet")(sheet)
app.command("dictionary")(dictionary)
app.command("doctor")(doctor)
app.command("policy")(show_policy)


def main(args: list[str] | None = None) -> None:
    """Entry point: runs the command and exits with the code that design and README name."""
    try:
        app(args=args, standalone_mode=False)
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except ThreestepError as error:
        Teller().failed(error)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(1)
    except Exception as error:
        code = getattr(error, "exit_code", None)
        show = getattr(error, "show", None)
        if callable(show):
            show()
            sys.exit(code if isinstance(code, int) else 2)
        Teller().broke(error)
        sys.exit(1)


if __name__ == "__main__":
    main()
