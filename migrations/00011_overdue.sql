-- +goose NO TRANSACTION
-- +goose Up
-- What the reconciler looks for. A delivery that succeeds at once is in neither: it costs nothing. They are made while
-- the version before goes on writing; what an interrupted try left behind is made anew.
DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_next_attempt;
CREATE INDEX CONCURRENTLY deliveries_by_next_attempt ON deliveries (next_attempt_at, id) WHERE status = 'waiting';
DROP INDEX CONCURRENTLY IF EXISTS deliveries_started;
CREATE INDEX CONCURRENTLY deliveries_started ON deliveries (updated_at, id) WHERE status = 'pending' AND sweep_at IS NULL;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS deliveries_started;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_next_attempt;
