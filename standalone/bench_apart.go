package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/durahook/durahook/bench"
	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/standalone/stack"
)

// apart is a system each part of which is a process, with proxies in between.
type apart struct {
	launched
	databaseURL, temporalAddress string
	killables                    []*killable
	proxies                      []*proxy
	disk                         *disk // of Postgres; nil without one of its own
}

// launchApart starts Postgres, Temporal, an API and a worker, in this order.
func launchApart(ctx context.Context, setup bench.Setup) (system bench.System, stop func() error, err error) {
	a := new(apart)
	if a.launched, err = newLaunched(""); err != nil {
		return system, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.stop())
		}
	}()
	if setup.Disk {
		if err := a.mountDisk(); err != nil {
			return system, nil, err
		}
	}
	if err := a.startInfrastructure(ctx); err != nil {
		return system, nil, err
	}
	if err := a.startDurahook(ctx, setup); err != nil {
		return system, nil, err
	}
	system = bench.System{
		Server: "http://" + a.address, AdminKey: a.adminKey, TemporalAddress: a.temporalAddress, TemporalNamespace: stack.Namespace,
		DatabaseURL: a.databaseURL, Own: true,
	}
	for _, k := range a.killables {
		system.Parts = append(system.Parts, k)
	}
	for _, p := range a.proxies {
		system.Links = append(system.Links, p)
	}
	if a.disk != nil {
		system.Disk = a.disk
	}
	return system, a.stop, nil
}

// mountDisk gives Postgres a disk of its own, where that is possible.
func (a *apart) mountDisk() (err error) {
	a.disk, err = mountDisk(a.dataDir())
	if errors.Is(err, os.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func (a *apart) dataDir() string { return filepath.Join(a.dir, "data") }

func (a *apart) startInfrastructure(ctx context.Context) error {
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	postgres := &killable{name: "Postgres", start: func(stdout io.Writer) (*part, error) {
		return startPart(a.dir, "postgres", "", stdout, nil, "__postgres", "--data-dir", a.dataDir(), "--port", port, "--log-level", "warn")
	}}
	if err := a.start(ctx, postgres); err != nil {
		return err
	}
	a.databaseURL = postgres.said.DatabaseURL
	throughProxy, err := a.through(ctx, "Temporal from Postgres")
	if err != nil {
		return err
	}
	if a.temporalAddress, err = freeAddress(ctx); err != nil {
		return err
	}
	return a.start(ctx, &killable{name: "Temporal", start: func(stdout io.Writer) (*part, error) {
		return startPart(a.dir, "temporal", "", stdout, []string{"DURAHOOK_DATABASE_URL=" + throughProxy},
			"__temporal", "--listen", a.temporalAddress, "--log-level", "warn")
	}})
}

func (a *apart) startDurahook(ctx context.Context, setup bench.Setup) (err error) {
	key, err := encryption.ParseKey(a.encryptionKey)
	if err != nil {
		return err
	}
	if err := stack.Migrate(ctx, config.Config{DatabaseURL: a.databaseURL, EncryptionKey: key}); err != nil {
		return err
	}
	throughProxy, err := a.through(ctx, "durahook from Postgres")
	if err != nil {
		return err
	}
	temporal, err := a.proxy(ctx, "durahook from Temporal", a.temporalAddress)
	if err != nil {
		return err
	}
	if a.address, err = freeAddress(ctx); err != nil {
		return err
	}
	variables := []string{ // where others don't see them
		"DURAHOOK_DATABASE_URL=" + throughProxy, "DURAHOOK_ADMIN_KEY=" + a.adminKey, "DURAHOOK_ENCRYPTION_KEY=" + a.encryptionKey,
	}
	shared := []string{
		"--temporal-address", temporal.address(), "--temporal-namespace", stack.Namespace, "--allow-insecure-targets", "loopback", "--log-level", "warn",
	}
	for n := range max(setup.Workers, 1) {
		if err := a.startWorker(ctx, n, variables, append([]string{"worker"}, shared...)); err != nil {
			return err
		}
	}
	return a.start(ctx, &killable{name: "api", ready: a.awaitReady, start: func(stdout io.Writer) (*part, error) {
		return startPart(a.dir, "api", "", stdout, variables, append([]string{
			"api", "--listen", a.address, "--publish-rate", strconv.Itoa(1_000_000), "--retry-schedule", setup.RetrySchedule,
		}, shared...)...)
	}})
}

// startWorker starts a worker; the first is called worker, the others by their numbers too.
func (a *apart) startWorker(ctx context.Context, n int, variables, args []string) error {
	name := "worker"
	if n > 0 {
		name += strconv.Itoa(n + 1)
	}
	return a.start(ctx, &killable{name: name, ready: func(context.Context, *part) error { return nil }, start: func(stdout io.Writer) (*part, error) {
		return startPart(a.dir, name, "", stdout, variables, args...)
	}})
}

func (a *apart) start(ctx context.Context, k *killable) error {
	a.killables = append(a.killables, k)
	if err := k.Start(ctx); err != nil {
		return fmt.Errorf("start %s: %w", k.name, err)
	}
	return nil
}

// through returns the database's address by way of a proxy.
func (a *apart) through(ctx context.Context, name string) (string, error) {
	at, err := url.Parse(a.databaseURL)
	if err != nil {
		return "", errors.New("the address of Postgres is not a URL")
	}
	p, err := a.proxy(ctx, name, at.Host)
	if err != nil {
		return "", err
	}
	at.Host = p.address()
	return at.String(), nil
}

func (a *apart) proxy(ctx context.Context, name, target string) (*proxy, error) {
	p, err := newProxy(ctx, name, target)
	if err == nil {
		a.proxies = append(a.proxies, p)
	}
	return p, err
}

// stop ends everything, the last first, and removes the directory. There is nothing in it that anybody needs.
func (a *apart) stop() error {
	var errs []error
	for _, k := range slices.Backward(a.killables) {
		errs = append(errs, k.Kill())
	}
	for _, p := range a.proxies {
		errs = append(errs, p.close())
	}
	if a.disk != nil {
		errs = append(errs, a.disk.unmount())
	}
	return errors.Join(append(errs, os.RemoveAll(a.dir))...)
}
