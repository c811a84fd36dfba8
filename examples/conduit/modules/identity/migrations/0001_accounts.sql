-- Numbers are never given again: other modules keep them.
CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL COLLATE NOCASE UNIQUE,
    password TEXT NOT NULL,
    bio TEXT,
    image TEXT
) STRICT;

-- One row at most: the secret that tokens are signed with, where the settings have none.
CREATE TABLE signing_secret (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret TEXT NOT NULL
) STRICT;
