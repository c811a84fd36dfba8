-- Articles are numbers of articles', authors of identity's.
CREATE TABLE comment (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    article INTEGER NOT NULL,
    author INTEGER NOT NULL,
    body TEXT NOT NULL,
    -- Milliseconds since 1970.
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX comment_by_article ON comment (article, id);
