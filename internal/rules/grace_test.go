package rules_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/durahook/durahook/internal/app"
	"github.com/durahook/durahook/internal/config"
)

// longestStop is how long a process takes at most to stop, with the flags as they are unless somebody changes them.
func longestStop(t *testing.T) time.Duration {
	t.Helper()
	usual := func(flags any, name string) time.Duration {
		field, ok := reflect.TypeOf(flags).FieldByName(name)
		require.True(t, ok, name)
		value, err := time.ParseDuration(field.Tag.Get("default"))
		require.NoError(t, err)
		return value
	}
	return app.LongestStop(config.Config{
		DrainDelay: usual(config.Drain{}, "DrainDelay"), AttemptTimeout: usual(config.Worker{}, "AttemptTimeout"),
	})
}

// Whoever runs durahook must not kill it while it drains.
func TestComposeLetsItDrain(t *testing.T) {
	t.Parallel()
	servers := 0
	for name, service := range ours(t) {
		if len(service.Command) == 0 || service.Command[0] != "serve" {
			continue
		}
		servers++
		require.NotNil(t, service.StopGracePeriod, name)
		assert.Greater(t, time.Duration(*service.StopGracePeriod), longestStop(t), name)
	}
	require.Positive(t, servers)
}

func TestKubernetesLetsItDrain(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, "deploy/kubernetes/*.yaml"))
	require.NoError(t, err)
	deployments := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var object struct {
				Kind string `yaml:"kind"`
				Spec struct {
					Template struct {
						Spec struct {
							Grace int `yaml:"terminationGracePeriodSeconds"`
						} `yaml:"spec"`
					} `yaml:"template"`
				} `yaml:"spec"`
			}
			err := decoder.Decode(&object)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, file)
			if object.Kind == "Deployment" {
				deployments++
				grace := time.Duration(object.Spec.Template.Spec.Grace) * time.Second
				assert.Greater(t, grace, longestStop(t), file)
			}
		}
	}
	require.Equal(t, 2, deployments, "serve and worker")
}
