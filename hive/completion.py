"""Completion scripts for the shells, made from the parser itself."""

from __future__ import annotations

import argparse

_BASH = """\
_hive() {{
  local words="{commands}" current="${{COMP_WORDS[COMP_CWORD]}}"
  case "${{COMP_WORDS[1]}}" in
{cases}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="{commands}"; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -F _hive hive.pyz hive"""

_ZSH = """\
#compdef hive.pyz hive
autoload -U +X bashcompinit && bashcompinit
{bash}"""


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """Return the completion script of `bash`, `zsh` or `fish`."""
    table = {name: _words(each) for name, each in _commands(parser).items()}
    if shell == "fish":
        return _fish(table)
    cases = "\n".join(f'    {name}) words="{" ".join(words)}" ;;' for name, words in table.items())
    bash = _BASH.format(commands=" ".join(table), cases=cases)
    return bash if shell == "bash" else _ZSH.format(bash=bash)


def _fish(table: dict[str, list[str]]) -> str:
    lines = ["complete -c hive.pyz -f"]
    lines += [f"complete -c hive.pyz -n __fish_use_subcommand -a {name}" for name in table]
    for name, words in table.items():
        for word in words:
            kind = f"-l {word[2:]}" if word.startswith("--") else f"-a {word}"
            lines.append(f"complete -c hive.pyz -n '__fish_seen_subcommand_from {name}' {kind}")
    return "\n".join(lines)


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:  # noqa: SLF001 - argparse offers no other way to look inside
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


def _words(parser: argparse.ArgumentParser) -> list[str]:
    words = list(_commands(parser))
    for action in parser._actions:  # noqa: SLF001
        words += [word for word in action.option_strings if word.startswith("--")]
        if action.choices and not isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            words += [str(choice) for choice in action.choices]
    return words
