package temporalserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	persistencepb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	"go.temporal.io/server/common/persistence/serialization"
	temporalsql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/searchattribute/sadefs"
	"google.golang.org/protobuf/types/known/durationpb"
)

// prepareNamespace registers the namespace with its retention and search attributes, or brings one
// that is there in step.
//
// It writes to the database before the server runs instead of asking the running server, because
// each of the server's services caches namespaces for seconds and there is no way to find out when
// the last one has noticed a change.
//
// It returns the columns of the visibility table that hold the namespace's search attributes.
func prepareNamespace(ctx context.Context, p *plan) (columns []string, err error) {
	serializer := serialization.NewSerializer()
	factory := temporalsql.NewFactory(*p.sql(p.Database, 1), resolver.NewNoopResolver(), clusterName, p.logger,
		metrics.NoopMetricsHandler, serializer)
	defer factory.Close()
	store, err := factory.NewMetadataStore()
	if err != nil {
		return nil, err
	}
	manager := persistence.NewMetadataManagerImpl(store, serializer, p.logger, clusterName)
	// The metadata hold the version that an update must name. They must be read first.
	metadata, err := manager.GetMetadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the metadata: %w", err)
	}
	found, err := manager.GetNamespace(ctx, &persistence.GetNamespaceRequest{Name: p.Namespace})
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &missing) {
		created, err := createNamespace(ctx, p, manager)
		return columnsOf(created), err
	}
	if err != nil {
		return nil, fmt.Errorf("read it: %w", err)
	}
	changed, err := adjustNamespace(p, found.Namespace.Config)
	if err != nil || !changed {
		return columnsOf(found.Namespace.Config), err
	}
	found.Namespace.ConfigVersion++
	err = manager.UpdateNamespace(ctx, &persistence.UpdateNamespaceRequest{
		Namespace:           found.Namespace,
		IsGlobalNamespace:   found.IsGlobalNamespace,
		NotificationVersion: metadata.NotificationVersion,
	})
	if err != nil {
		return nil, fmt.Errorf("update it: %w", err)
	}
	return columnsOf(found.Namespace.Config), nil
}

func columnsOf(config *persistencepb.NamespaceConfig) []string {
	return slices.Sorted(maps.Keys(config.GetCustomSearchAttributeAliases()))
}

func createNamespace(ctx context.Context, p *plan, manager persistence.MetadataManager,
) (*persistencepb.NamespaceConfig, error) {
	config := &persistencepb.NamespaceConfig{
		HistoryArchivalState:    enums.ARCHIVAL_STATE_DISABLED,
		VisibilityArchivalState: enums.ARCHIVAL_STATE_DISABLED,
	}
	if _, err := adjustNamespace(p, config); err != nil {
		return nil, err
	}
	_, err := manager.CreateNamespace(ctx, &persistence.CreateNamespaceRequest{
		Namespace: &persistencepb.NamespaceDetail{
			Info: &persistencepb.NamespaceInfo{
				Id:    uuid.NewString(),
				Name:  p.Namespace,
				State: enums.NAMESPACE_STATE_REGISTERED,
			},
			Config: config,
			ReplicationConfig: &persistencepb.NamespaceReplicationConfig{
				ActiveClusterName: clusterName,
				Clusters:          []string{clusterName},
				State:             enums.REPLICATION_STATE_NORMAL,
			},
			FailoverVersion: common.EmptyVersion,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("create it: %w", err)
	}
	return config, nil
}

// adjustNamespace puts retention and search attributes into config and reports whether that changed
// anything.
func adjustNamespace(p *plan, config *persistencepb.NamespaceConfig) (changed bool, err error) {
	if config.GetRetention().AsDuration() != p.Retention {
		config.Retention = durationpb.New(p.Retention)
		changed = true
	}
	names, err := nameFields(config.GetCustomSearchAttributeAliases(), p.SearchAttributes)
	if err != nil {
		return false, err
	}
	if !maps.Equal(names, config.GetCustomSearchAttributeAliases()) {
		config.CustomSearchAttributeAliases = names
		changed = true
	}
	return changed, nil
}

// nameFields gives search attributes a place. The visibility tables have a fixed number of columns
// of each type, such as Keyword01, and a namespace says which of its names stands for which; this
// returns such a map, from column to name, with what there was and what is wanted.
func nameFields(there map[string]string, wanted map[string]enums.IndexedValueType) (map[string]string, error) {
	columns := sadefs.GetDBIndexSearchAttributes(nil).GetCustomSearchAttributes()
	names := maps.Clone(there)
	if names == nil {
		names = map[string]string{}
	}
	taken := map[string]string{} // the same the other way round
	for column, name := range names {
		taken[name] = column
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		kind := wanted[name]
		if column, ok := taken[name]; ok {
			if columns[column] != kind {
				return nil, fmt.Errorf("search attribute %s is there as %v and cannot become %v; give the new one another name",
					name, columns[column], kind)
			}
			continue
		}
		column, ok := freeColumn(columns, names, kind)
		if !ok {
			return nil, fmt.Errorf("search attribute %s: all places for type %v are taken", name, kind)
		}
		names[column] = name
	}
	return names, nil
}

// freeColumn returns the first column of a type that has no name yet.
func freeColumn(columns map[string]enums.IndexedValueType, names map[string]string, kind enums.IndexedValueType,
) (string, bool) {
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		if _, taken := names[column]; !taken && columns[column] == kind {
			return column, true
		}
	}
	return "", false
}
