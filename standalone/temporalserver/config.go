package temporalserver

import (
	"net"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
)

const (
	// historyShards is how many ways workflows are split among locks and queues. It is written into a
	// database when it is made and cannot change for it afterwards: Temporal would find no workflow
	// again. Four keep two to four cores busy and cost little when idle.
	historyShards = 4
	// clusterName is written into the databases and the namespaces too.
	clusterName = "active"

	// Each of the four services has its own pool for either database, and only few fill theirs.
	mainConnections       = 20
	visibilityConnections = 10

	// queueNoted is how often the queues of Temporal's own tasks note what is done.
	queueNoted = 5 * time.Second
	// queueWorkers are how many tasks of the queues are done at the same time; those for visibility wait to be written
	// together.
	queueWorkers, visibilityWorkers = 64, 256

	mainStore       = "main"
	visibilityStore = "visibility"
)

func (p *plan) config() *config.Config {
	return &config.Config{
		Global: config.Global{Membership: config.Membership{
			MaxJoinDuration:  30 * time.Second,
			BroadcastAddress: "127.0.0.1",
		}},
		Persistence: config.Persistence{
			DefaultStore:     mainStore,
			VisibilityStore:  visibilityStore,
			NumHistoryShards: historyShards,
			DataStores: map[string]config.DataStore{
				mainStore:       {SQL: p.sql(p.Database, mainConnections)},
				visibilityStore: {SQL: p.sql(p.VisibilityDatabase, visibilityConnections)},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             reachable(p.frontend), // brought up to date at every start
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): service(p.frontend),
			string(primitives.HistoryService):  service(p.history),
			string(primitives.MatchingService): service(p.matching),
			string(primitives.WorkerService):   service(p.worker),
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: config.PublicClient{HostPort: reachable(p.frontend)},
	}
}

func service(addr *net.TCPAddr) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: addr.Port, BindOnIP: addr.IP.String()}}
}

func (p *plan) sql(database string, connections int) *config.SQL {
	return &config.SQL{
		PluginName:      pluginName,
		ConnectProtocol: "tcp",
		ConnectAddr:     p.PostgresAddr,
		User:            p.User,
		Password:        p.Password,
		DatabaseName:    database,
		MaxConns:        connections,
		MaxIdleConns:    connections,
		MaxConnLifetime: time.Hour,
	}
}

// hosts tells each service where the others are, so that they need not find each other through the
// database, where a run that was killed would have left traces.
func (p *plan) hosts() map[primitives.ServiceName]static.Hosts {
	return map[primitives.ServiceName]static.Hosts{
		primitives.FrontendService: static.SingleLocalHost(reachable(p.frontend)),
		primitives.HistoryService:  static.SingleLocalHost(p.history.String()),
		primitives.MatchingService: static.SingleLocalHost(p.matching.String()),
		primitives.WorkerService:   static.SingleLocalHost(p.worker.String()),
	}
}

func (p *plan) dynamicConfig() dynamicconfig.StaticClient {
	values := dynamicconfig.StaticClient{
		// No calls to the outside.
		dynamicconfig.EnableServerVersionCheck.Key(): false,
		// The default of 10 lists and counts a second is meant for one tenant of many.
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 200,
		// Several partitions are for several hosts. On one, a task in a partition that no worker happens to
		// poll at the moment would only wait, up to the minute that a poll lasts.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		// A webhook is the fairness key of its attempts: each gets its turn, however many of another's wait.
		dynamicconfig.MatchingEnableFairness.Key(): true,
		// What is left of a queue is not described by the namespaces that are in it: there is one that counts, and
		// with each new task the queue would be taken apart to match the descriptions.
		dynamicconfig.QueueShrinkPredicateMaxPendingKeys.Key(): 0,
		// What the queues have done is noted more often than each 30 s, since it is done again after a crash: looked up, one
		// by one, before anything new is.
		dynamicconfig.TransferProcessorUpdateAckInterval.Key():   queueNoted,
		dynamicconfig.TimerProcessorUpdateAckInterval.Key():      queueNoted,
		dynamicconfig.VisibilityProcessorUpdateAckInterval.Key(): queueNoted,
		// How late a timer may be after the clock has been set, or the machine has slept: 5 min by default.
		dynamicconfig.TimerProcessorMaxPollInterval.Key(): time.Minute,
		// The defaults, of 512 each, are for databases on machines of their own.
		dynamicconfig.TransferProcessorSchedulerWorkerCount.Key():   queueWorkers,
		dynamicconfig.TimerProcessorSchedulerWorkerCount.Key():      queueWorkers,
		dynamicconfig.VisibilityProcessorSchedulerWorkerCount.Key(): visibilityWorkers,
		// Nothing of a delivery is kept outside of Temporal: there is no need to walk through each event to see how much.
		dynamicconfig.ExternalPayloadsEnabled.Key(): false,
		// Workflows kept in memory: those that something is being done with. Nothing is asked of one that has ended, nor of
		// one that waits for its next attempt. The default is for a machine of its own.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 2048,
	}
	for name, value := range p.DynamicConfig {
		values[dynamicconfig.MakeKey(name)] = value
	}
	return values
}
