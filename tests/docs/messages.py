#!/usr/bin/python3
"""Holds docs/messages.md against the messages that the sources can write.

    /usr/bin/python3 tests/docs/messages.py [PROJECT]          what is missing, or not there any more
    /usr/bin/python3 tests/docs/messages.py --list             the messages, by section

A section of the page belongs to some folders or files (AREAS) and has tables whose first column is a message between backquotes, with
… for what differs from case to case; a row may have several, and one may stand for many. Each message of the sources
has to be in a row of its section, and each row has to stand for a message. Of other commands than servers and `config check`, messages
go to a person at a terminal, and are left out.

A message is the text of a call in CALLS; where its format only passes on other texts (`%s`), these are the messages."""

import functools
import pathlib
import re
import sys

# function → which argument is the format
CALLS = {"si_complain": 0, "complain_usage": 1, "fail_to_start": 1, "si_fail": 2, "say": 0, "dprintf": 1, "snprintf": 2, "si_loading_mistake": 2,
         "si_loading_warning": 2, "mistake": 2, "ngx_log_error": 3, "ngx_conf_log_error": 3, "ngx_http_smartimg_tell": 2, "tell": 2,
         "si_messages_mistake": 2, "si_messages_warning": 2, "si_messages_add": 3}
ERRORS = {"si_complain", "complain_usage", "fail_to_start", "si_fail", "say", "dprintf", "ngx_log_error", "ngx_conf_log_error"}
VALUE = "value"  # what is wrong with the value of an option, behind the option and the value
SENT = "sent"    # what nginx and its module answer by themselves

# heading of the page → (files, calls that count)
AREAS = {
    "When the server starts, runs and stops": [
        (["src/cli/serve.c", "src/cli/site*.c", "src/cli/child.c", "src/cli/cli.c", "src/cli/nginx_conf.c", "src/cli/originals.c",
          "src/cli/sandbox_option.c", "src/cli/renderer.c", "src/cli/purge.c",
          "src/cli/purge/*.c", "src/cli/cache_claim.c", "src/renderer/pool*.c", "src/renderer/worker.c",
          "src/catalog/generations.c", "src/edge/*.c"], ERRORS),
        (["src/renderer/downloads.c", "src/source/fetcher.c"], {"dprintf"}),
        (["src/cli/cli.c", "src/cli/option*.c", "src/cli/originals.c", "src/cli/sandbox_option.c", "src/cli/config_file.c",
          "src/cli/site*.c", "src/cli/environment.c"], {VALUE})],
    "Mistakes in the configuration": [
        (["src/catalog/*.c", "src/cli/config_file.c", "src/base/ini.c"],
         {"si_loading_mistake", "si_loading_warning", "mistake"}),
        (["src/cli/check/*.c"], {"si_messages_mistake", "si_messages_warning", "si_messages_add"}),
        (["src/cli/config_file.c", "src/catalog/check*.c"], {"snprintf"}),
        (["src/catalog/check_files.c"], {"tell"}),
        (["src/catalog/load_catalog.c", "src/catalog/datafile.c", "src/base/ini.c"], {"si_fail"})],
    "What visitors get": [
        (["src/edge/*.c", "conf/*.conf.in"], {SENT}),
        (["src/request/*.[ch]", "src/plan/*.c", "src/reply/*.c", "src/catalog/find.c", "src/catalog/resolve_object.c",
          "src/catalog/rules.c", "src/catalog/uploads.c", "src/catalog/imageset.c", "src/catalog/access.c",
          "src/base/beneath.c", "src/base/path.c", "src/richtext/*.c", "src/render/**/*.c", "src/codec/*.c",
          "src/quality/[!c]*.c", "src/quality/choose*.c", "src/renderer/[!p]*.c", "src/source/*.c"], {"si_fail"})],
}


def call_arguments(text, at):
    """The arguments of a call whose "(" ends at `at`, parted at the commas of the outermost level."""
    depth, start, found = 1, at, []
    while depth and at < len(text):
        c = text[at]
        if c in "\"'":
            end = at + 1
            while text[end] != c:
                end += 2 if text[end] == "\\" else 1
            at = end
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 1:
            found.append(text[start:at])
            start = at + 1
        at += 1
    return found + [text[start:at - 1]]


def literals(expression):
    """Texts in an expression: neighbours are one, others are alternatives."""
    pieces = re.findall(r'"((?:[^"\\]|\\.)*)"|([?:,;={}()])|(\w+)', expression)
    texts, current, beside = [], None, False
    for literal, mark, word in pieces:
        if mark:
            if current is not None:
                texts.append(current)
            current = None
        elif word:    # a macro between texts, such as PRIu64
            current = current + "…" if current is not None else None
        else:
            current = literal if current is None else current + literal
    if current is not None:
        texts.append(current)
    return [t for t in texts if t]


def pattern(text):
    """A format as it stands in the page: … for each conversion."""
    text = text.replace('\\"', '"').replace("\\\\", "\\").replace("\\n", "").replace("%%", "\0")
    text = re.sub(r"%[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|j|t)?[a-zA-Z]", "…", text).replace("\0", "%")
    text = text.removeprefix("smartimg: ").removeprefix("renderer: ") if text != "smartimg: …" else "…"
    return re.sub("…{2,}", "…", text).strip()


def says_nothing(text):
    return not re.search(r"[A-Za-z]{3}", text.replace("…", ""))


@functools.cache
def texts_of(path):
    """[(call, message)]"""
    source = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S)
    found = []
    for m in re.finditer(r"(?<!\w)(" + "|".join(CALLS) + r")\(", source):
        arguments = call_arguments(source, m.end())
        if len(arguments) <= CALLS[m[1]] or re.search(r"\bconst char \*", arguments[CALLS[m[1]]]):
            continue    # its declaration
        formats = [pattern(t) for t in literals(arguments[CALLS[m[1]]])]
        if formats and all(says_nothing(f) for f in formats):
            formats = [pattern(t) for a in arguments[CALLS[m[1]] + 1:] for t in literals(a)] or formats
        found += [(m[1], f) for f in formats if not says_nothing(f)]
    if path.name.startswith("ngx_"):
        strings = re.findall(r'\bngx_str_t\s+\w+ = ngx_string\(((?:\s*"(?:[^"\\]|\\.)*")+)\)', source)
        found += [(SENT, pattern(literals(s)[0])) for s in strings if " " in s.strip() and "<" not in s]
        found += [(SENT, text) for call, text in found if call == "ngx_http_smartimg_tell"]
    if "cli" in path.parts:
        values = re.findall(r'"((?:is|names|does not) [^"]+)"', source)
        found += [(VALUE, pattern(f"… {text}")) for text in values if not text.startswith("is %")]
        found += [(VALUE, text) for call, text in found if call == "snprintf" and " is no option" in text]
    if path.suffix == ".in":
        found += [(SENT, pattern(re.sub(r"\$\w+", "…", text))) for text in re.findall(r'return \d+ "(.*)";', source)]
    if path.parent.name in ("catalog", "check"):    # of the configuration, where all may be warnings
        found = [(call, text.removeprefix("warning: ")) for call, text in found]
    return [(call, text) for call, text in found if not says_nothing(text) and not text.endswith(".ini")]


def messages(project):
    """{section: {message: [files]}}"""
    sections = {}
    for section, parts in AREAS.items():
        found = sections[section] = {}
        for globs, calls in parts:
            for path in sorted({f for g in globs for f in project.glob(g)}):
                for call, text in texts_of(path):
                    if call in calls:
                        found.setdefault(text, []).append(str(path.relative_to(project)))
    return sections


def titles(project):
    """Rows of the titles of replies, with their statuses, of the table of results."""
    table = (project / "src/base/result.h").read_text()
    found = re.findall(r'X\(ERR_\w+, (\d+), "(.*?)"\)', table)
    assert found
    return {f"| `{title}` | {status} |": title for status, title in found}


def rows(page):
    """{section: [message as the page has it]}"""
    found = {}
    for part in page.split("\n## ")[1:]:
        heading, body = part.split("\n", 1)
        cells = re.findall(r"^\| (`.*?) \|", body, re.M)
        found[heading] = [m.replace("\\|", "|") for cell in cells for m in re.findall(r"``? ?((?:(?!`).)+?) ?`", cell)]
    return found


def stands_for(row, message):
    """… of a row stands for anything; … of a message has to be met by one."""
    parts = [re.escape(p) for p in row.split("…")]
    return re.fullmatch(".*".join(parts), message) is not None


def check(project):
    text = (project / "docs/messages.md").read_text()
    page, sections = rows(text), messages(project)
    wrong, count = [], 0
    for row, title in titles(project).items():
        sections["What visitors get"].setdefault(title, []).append("src/base/result.h")
        if row not in text:
            wrong.append(f'docs/messages.md: no row begins with "{row}"')
    for section, found in sections.items():
        if section not in page:
            wrong.append(f'docs/messages.md has no section "{section}"')
            continue
        used = set()
        for message, files in found.items():
            count += 1
            fitting = [row for row in page[section] if stands_for(row, message)]
            used.update(fitting)
            if not fitting:
                wrong.append(f'docs/messages.md, "{section}": no row for "{message}" of {files[0]}')
        wrong += [f'docs/messages.md, "{section}": nothing says "{row}" any more'
                  for row in page[section] if row not in used]
    return wrong, count


def main():
    if sys.argv[1:2] == ["--list"]:
        for section, found in messages(pathlib.Path(__file__).resolve().parents[2]).items():
            print(f"## {section}: {len(found)}")
            for message, files in sorted(found.items()):
                print(f"{message}    {' '.join(sorted(set(files)))}")
        return 0
    wrong, count = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve())
    print("\n".join(wrong) if wrong else f"{count} messages, all in docs/messages.md")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
