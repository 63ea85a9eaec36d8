"""What the checks of the house share: where the sources are, and how a check says what it found."""
import fnmatch
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def tracked(*patterns):
    """Files of the project (tracked or not ignored) whose path matches one of the glob patterns, as paths relative to ROOT."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
                            capture_output=True, text=True)
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:  # a source archive without git
        everything = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")]
        names = [name for name in everything if not name.startswith("build/")
                 and any(fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(name, f"*/{pattern}") for pattern in patterns)]
    return [pathlib.Path(name) for name in sorted(set(names)) if (ROOT / name).is_file()]


def report(findings, advice):
    """Prints the findings, one a line, and ends the process: 0 if there are none."""
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} found. {advice}")
    sys.exit(1 if findings else 0)
