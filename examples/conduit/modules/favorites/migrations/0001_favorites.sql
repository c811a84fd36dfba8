-- Articles are numbers of articles', users of identity's.
CREATE TABLE favorite (
    article INTEGER NOT NULL,
    user INTEGER NOT NULL,
    PRIMARY KEY (article, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX favorite_by_user ON favorite (user);
