"""The ``goldentime`` command.

Exit codes: 0 ok, 1 a finding (something is wrong with what was looked at), 2 the command could not run (usage, broker,
configuration), 130 stopped by Ctrl-C.
"""

import sys

from console.interrupts import INTERRUPTED, leave_at_once


def main() -> None:
    """Run the command line and leave with its exit code; Ctrl-C leaves with 130 and without a traceback."""
    with leave_at_once():
        import click  # noqa: PLC0415 - so that Ctrl-C while modules load ends as cleanly as later

        from console.commands import goldentime  # noqa: PLC0415
    try:
        code = goldentime.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
