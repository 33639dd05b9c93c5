-- The term stands in the row that it protects, so that one statement compares and changes.
CREATE TABLE counter (id text PRIMARY KEY, value bigint NOT NULL, fence bigint NOT NULL);
INSERT INTO counter VALUES ('orders', 0, 0);
