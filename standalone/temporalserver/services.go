package temporalserver

import (
	"maps"

	"go.temporal.io/server/chasm"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/persistence/serialization"
	"go.temporal.io/server/common/pprof"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/resource"
	"go.temporal.io/server/service/frontend"
	"go.temporal.io/server/service/history"
	"go.temporal.io/server/service/history/replication"
	"go.temporal.io/server/service/matching"
	"go.temporal.io/server/temporal"
	"go.uber.org/fx"
	"google.golang.org/grpc"
)

// services makes the four services as temporal.TopLevelModule does, with shortcuts between them.
type services struct {
	frontend, history, matching *shortcut
}

func newServices() *services {
	return &services{frontend: newShortcut(), history: newShortcut(), matching: newShortcut()}
}

func (s *services) module() fx.Option {
	return fx.Options(
		fx.Provide(
			temporal.NewServerFxImpl,
			temporal.ServerOptionsProvider,
			resource.ArchivalMetadataProvider,
			temporal.TaskCategoryRegistryProvider,
			temporal.ApplyClusterMetadataConfigProvider,
			temporal.WorkerServiceProvider,
			s.newFrontend, s.newHistory, s.newMatching,
		),
		dynamicconfig.Module,
		pprof.Module,
		temporal.TraceExportModule,
		chasm.Module,
		serialization.Module,
		temporal.FxLogAdapter,
		fx.Invoke(temporal.ServerLifetimeHooks),
	)
}

func (s *services) newFrontend(params temporal.ServiceProviderParamsCommon) (temporal.ServicesGroupOut, error) {
	learn := func(options frontend.GrpcServerOptions) frontend.GrpcServerOptions {
		options.Options = append(options.Options, s.frontend.serverOption())
		return options
	}
	return s.start(params, primitives.FrontendService,
		fx.Supply(params.CustomFrontendInterceptors), frontend.Module, fx.Decorate(learn), endFirst(s.frontend))
}

func (s *services) newHistory(params temporal.ServiceProviderParamsCommon) (temporal.ServicesGroupOut, error) {
	return s.start(params, primitives.HistoryService,
		history.QueueModule, history.Module, replication.Module, learning(s.history), endFirst(s.history))
}

func (s *services) newMatching(params temporal.ServiceProviderParamsCommon) (temporal.ServicesGroupOut, error) {
	return s.start(params, primitives.MatchingService, matching.Module, learning(s.matching), endFirst(s.matching))
}

func (s *services) start(
	params temporal.ServiceProviderParamsCommon, name primitives.ServiceName, modules ...fx.Option,
) (temporal.ServicesGroupOut, error) {
	app := fx.New(params.GetCommonServiceOptions(name), fx.Options(modules...), fx.Decorate(s.dial))
	return temporal.NewService(app, name, params.Logger), app.Err()
}

// dial adds the shortcuts to the connections that a service makes to the others.
func (s *services) dial(options map[primitives.ServiceName][]grpc.DialOption) map[primitives.ServiceName][]grpc.DialOption {
	with := maps.Clone(options)
	with[primitives.HistoryService] = append(with[primitives.HistoryService], s.history.dialOption())
	with[primitives.MatchingService] = append(with[primitives.MatchingService], s.matching.dialOption())
	return with
}

// learning lets a shortcut see the calls to a service.
func learning(s *shortcut) fx.Option {
	return fx.Decorate(func(options []grpc.ServerOption) []grpc.ServerOption { return append(options, s.serverOption()) })
}

// endFirst ends a shortcut before the service to which it leads.
func endFirst(s *shortcut) fx.Option {
	return fx.Invoke(func(life fx.Lifecycle) { life.Append(fx.StopHook(s.end)) })
}
