"""Text of others, such as file names, on terminals and in lines."""


def printable(text: str) -> str:
    r"""Return the text as one line: what is not printable becomes a backslash escape, a backslash two.

    >>> printable("a\tb \x1b[31m caf\u00e9 \udcff")
    'a\\tb \\x1b[31m café \\udcff'
    """
    return "".join(
        character if character.isprintable() and character != "\\" else character.encode("unicode_escape").decode()
        for character in text
    )
