package temporalserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	temporalsql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/common/resolver"
)

// pluginName is the name under which Temporal finds the plugin of this package.
const pluginName = "durahook_postgres"

func init() { //nolint:gochecknoinits // Temporal keeps its plugins in a global, too
	temporalsql.RegisterPlugin(pluginName, plugin{})
}

// plugin is Temporal's own for Postgres and pgx (a third faster than the one for lib/pq), with fewer steps
// where a delivery takes many: see mainDB and visibilityDB. What lies in the databases is the same.
type plugin struct{}

// database is what Temporal wants of a plugin.
type database interface {
	sqlplugin.DB
	sqlplugin.AdminDB
}

// executor is what both databases can do, too.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// CreateDB returns one of the two databases.
func (plugin) CreateDB(
	kind sqlplugin.DbKind, cfg *config.SQL, r resolver.ServiceResolver, logger log.Logger, handler metrics.Handler,
) (sqlplugin.GenericDB, error) {
	own := *cfg
	own.PluginName = postgresql.PluginNamePGX
	open := func() (database, error) {
		opened, err := temporalsql.NewSQLDB(kind, &own, r, logger, handler)
		if err != nil {
			return nil, err
		}
		db, ok := opened.(database)
		if !ok {
			return nil, fmt.Errorf("the plugin %s of this Temporal server cannot do what durahook needs", own.PluginName)
		}
		return db, nil
	}
	db, err := open()
	if err != nil {
		return nil, err
	}
	if kind == sqlplugin.DbKindVisibility {
		return newVisibilityDB(db)
	}
	closed, err := open()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := closed.Close(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return newMainDB(db, closed)
}

// GetVisibilityQueryConverter is Temporal's own.
func (plugin) GetVisibilityQueryConverter() sqlplugin.VisibilityQueryConverter {
	converter, err := temporalsql.GetPluginVisibilityQueryConverter(postgresql.PluginNamePGX)
	if err != nil {
		panic(err) // its package, which is imported here, registers it
	}
	return converter
}
