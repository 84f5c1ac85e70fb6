-- +goose Up
-- Which programs work with this schema: those that know it up to this version, or further. So the version before goes
-- on, and can be started again, once the new one has migrated. A migration that takes away what older programs need
-- raises it to the version that the first program knows which doesn't need that any more.
CREATE TABLE schema_support (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one), -- there is one row
    oldest bigint NOT NULL
);
INSERT INTO schema_support (oldest) VALUES (14);

-- +goose Down
DROP TABLE schema_support;
