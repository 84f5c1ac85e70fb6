-- +goose Up
-- Which lane an attempt took, and why, if it was not the fast one. Attempts of the version before have neither.
ALTER TABLE attempts
    ADD COLUMN lane        text,
    ADD COLUMN lane_reason text;

-- +goose Down
ALTER TABLE attempts
    DROP COLUMN lane,
    DROP COLUMN lane_reason;
