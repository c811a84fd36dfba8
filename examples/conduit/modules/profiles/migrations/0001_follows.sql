-- Users are numbers of identity's.
CREATE TABLE follow (
    follower INTEGER NOT NULL,
    followed INTEGER NOT NULL,
    PRIMARY KEY (follower, followed)
) STRICT, WITHOUT ROWID;
