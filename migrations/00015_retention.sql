-- +goose NO TRANSACTION
-- +goose Up
-- What Retention looks for beside events, which their primary key has by age. They are made while the version before goes
-- on writing; what an interrupted try left behind is made anew.
DROP INDEX CONCURRENTLY IF EXISTS webhook_hours_by_hour;
CREATE INDEX CONCURRENTLY webhook_hours_by_hour ON webhook_hours (hour);
DROP INDEX CONCURRENTLY IF EXISTS webhooks_deleted;
CREATE INDEX CONCURRENTLY webhooks_deleted ON webhooks (deleted_at) WHERE deleted_at IS NOT NULL;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS webhooks_deleted;
DROP INDEX CONCURRENTLY IF EXISTS webhook_hours_by_hour;
