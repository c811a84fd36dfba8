-- Numbers are never given again: other modules keep them. Authors are numbers of identity's, times
-- milliseconds since 1970.
CREATE TABLE article (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slug TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    body TEXT NOT NULL,
    author INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX article_by_time ON article (created_at, id);
CREATE INDEX article_by_author ON article (author, created_at, id);

CREATE TABLE tag (
    article INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (article, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_by_name ON tag (name, article);

-- Articles that are gone, while an observer has yet to hear of it.
CREATE TABLE deletion (
    article INTEGER PRIMARY KEY
) STRICT;
