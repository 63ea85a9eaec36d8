"""The manual pages say what the programs say of themselves: each option and each command of `--help` is there, and no other."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = pathlib.Path(os.environ.get("BIPLANE_PROGRAMS", ROOT / "build" / "dev" / "bin"))
PAGES = {"biplane": "biplane.1", "biplaned": "biplaned.8", "biplane-userplane": "biplane-userplane.8"}


class Help:
    """What a program, or one of its commands, says with --help."""

    def __init__(self, *words):
        done = subprocess.run([str(PROGRAMS / words[0]), *words[1:], "--help"], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        self.options, self.positionals, self.commands = set(), [], []
        section = ""
        for line in done.stdout.splitlines():
            if re.match(r"^\w.*:$", line):
                section = line
            elif found := re.match(r"^  (-[\w,-]+)", line):
                self.options.update(found.group(1).split(","))
            elif (found := re.match(r"^  (\S+)", line)) and section == "Positionals:":
                self.positionals.append(found.group(1))
            elif found and section == "Subcommands:":
                self.commands.append(found.group(1))


def commands_of(program):
    """("flows",), ("policy", "explain") ... : those that do something."""
    found = []
    for name in Help(program).commands:
        below = Help(program, name).commands
        found += [(name, one) for one in below] or [(name,)]
    return found


class Page:
    """A manual page: command (() is the program itself) -> its options and its text. An item of a list in a section is a command, or an
    option of the program; the items of a list inside of it are the options of that command."""

    def __init__(self, program):
        self.options, self.texts = {(): set()}, {}
        depth, command = 0, ()
        for line in (ROOT / "docs" / "man" / PAGES[program]).read_text().splitlines():
            words = line.split()
            if line.startswith(".Bl"):
                depth += 1
            elif line.startswith(".El"):
                depth -= 1
            elif line.startswith((".Sh", ".Ss")):
                command = ()
            elif line.startswith(".It Fl"):
                self.options[command if depth > 1 else ()] |= options_in(line)
            elif line.startswith(".It Cm") and depth == 1:
                names = [[]]
                for word in words[2:]:
                    if word in ("Ar", "Op", "Oo", "|", "Fl"):
                        break
                    names = names + [[]] if word == "," else names[:-1] + [names[-1] + [word]]
                command = tuple(names[0])
                self.options[command] = set()
            if command:
                self.texts[command] = self.texts.get(command, "") + line + "\n"


def options_in(line):
    """".It Fl f , Fl Fl file Ar FILE" -> {"-f", "--file"}"""
    return {("--" if long else "-") + name for long, name in re.findall(r"(?<!\w)Fl (Fl )?([a-z][\w-]*)", line)}


@pytest.mark.parametrize("program", PAGES)
def test_the_options_of_the_program_are_those_of_its_page(program):
    assert Page(program).options[()] == Help(program).options


def test_the_commands_are_those_of_the_page():
    assert sorted(command for command in Page("biplane").options if command) == sorted(commands_of("biplane"))


@pytest.mark.parametrize("command", commands_of("biplane"), ids=" ".join)
def test_the_options_of_a_command_are_those_of_the_page(command):
    said, written = Help("biplane", *command), Page("biplane")
    assert written.options[command] == said.options - {"-h", "--help"}
    for word in said.positionals:
        assert re.search(rf"\b{re.escape(word)}\b", written.texts[command]), f"{word} is not explained"


@pytest.mark.parametrize("program", PAGES)
def test_the_page_can_be_set(program):
    """groff finds nothing to complain about."""
    done = subprocess.run(["groff", "-mdoc", "-ww", "-Tutf8", str(ROOT / "docs" / "man" / PAGES[program])], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
