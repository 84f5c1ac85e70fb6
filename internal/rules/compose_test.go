package rules_test

import (
	"bytes"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/cli"
)

// ourImage is the image of the services that run durahook; its entry point is the program.
const (
	ourImage   = "durahook:local"
	ourProgram = "/durahook"
)

// secrets are all that a person has to set.
func secrets() types.Mapping {
	return types.Mapping{"DURAHOOK_ADMIN_KEY": "admin", "DURAHOOK_ENCRYPTION_KEY": "encryption"}
}

func load(t *testing.T, environment types.Mapping) (*types.Project, error) {
	t.Helper()
	directory, err := filepath.Abs(root)
	require.NoError(t, err)
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  directory,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(directory, "docker-compose.yml")}},
		Environment: environment,
	}, loader.WithProfiles([]string{"*"}))
}

func compose(t *testing.T) *types.Project {
	t.Helper()
	project, err := load(t, secrets())
	require.NoError(t, err)
	require.NotEmpty(t, project.Services)
	return project
}

// ours are the services that run durahook.
func ours(t *testing.T) map[string]types.ServiceConfig {
	t.Helper()
	found := map[string]types.ServiceConfig{}
	for name, service := range compose(t).Services {
		if service.Image == ourImage {
			found[name] = service
		} else {
			assert.NotContains(t, name, "durahook")
		}
	}
	require.NotEmpty(t, found)
	return found
}

// oneShots are the services whose end others wait for; all others run on and on.
func oneShots(project *types.Project) []string {
	var names []string
	for _, service := range project.Services {
		for name, dependency := range service.DependsOn {
			if dependency.Condition == types.ServiceConditionCompletedSuccessfully {
				names = append(names, name)
			}
		}
	}
	return names
}

func TestComposeWantsItsSecrets(t *testing.T) {
	t.Parallel()
	for name := range secrets() {
		environment := maps.Clone(secrets())
		delete(environment, name)
		_, err := load(t, environment)
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "openssl rand")
	}
}

func TestComposeFitsTheCommandLine(t *testing.T) {
	t.Parallel()
	flags, err := cli.Flags()
	require.NoError(t, err)
	for name, service := range ours(t) {
		for variable := range service.Environment {
			flag, ok := strings.CutPrefix(variable, "DURAHOOK_")
			flag = strings.ReplaceAll(strings.ToLower(flag), "_", "-")
			assert.True(t, ok && slices.Contains(flags, flag), "%s: %s stands for no flag", name, variable)
		}
		checkCommand(t, name, flags, service.Command)
		if service.HealthCheck != nil {
			require.Equal(t, []string{"CMD", ourProgram}, []string(service.HealthCheck.Test[:2]), name)
			checkCommand(t, name, flags, service.HealthCheck.Test[2:])
		}
	}
}

func checkCommand(t *testing.T, service string, flags, command []string) {
	t.Helper()
	require.NotEmpty(t, command, service)
	var stderr bytes.Buffer
	status := cli.Main(t.Context(), "durahook", "", new(cli.Commands), []string{command[0], "--help"}, io.Discard, &stderr)
	assert.Zero(t, status, "%s: %s", service, stderr.String())
	for _, argument := range command[1:] {
		if flag, ok := strings.CutPrefix(argument, "--"); ok {
			flag, _, _ = strings.Cut(flag, "=")
			assert.Contains(t, flags, flag, service)
		}
	}
}

func TestComposeRunsDurahookTwice(t *testing.T) {
	t.Parallel()
	serving := 0
	for name, service := range ours(t) {
		if service.Command[0] != "serve" {
			continue
		}
		serving++
		migrate, ok := service.DependsOn["durahook-migrate"]
		assert.True(t, ok && migrate.Condition == types.ServiceConditionCompletedSuccessfully,
			"%s must wait for the migrations", name)
	}
	assert.GreaterOrEqual(t, serving, 2)
}

func TestComposeGivesDurahookNoRights(t *testing.T) {
	t.Parallel()
	for name, service := range ours(t) {
		assert.Regexp(t, `^[1-9][0-9]*:[1-9][0-9]*$`, service.User, name)
		assert.True(t, service.ReadOnly, "%s must be read-only", name)
		assert.False(t, service.Privileged, name)
		assert.Equal(t, []string{"ALL"}, service.CapDrop, name)
		assert.Empty(t, service.CapAdd, name)
		assert.Contains(t, service.SecurityOpt, "no-new-privileges:true", name)
	}
}

func TestComposeKeepsServicesHealthy(t *testing.T) {
	t.Parallel()
	project := compose(t)
	once := oneShots(project)
	for name, service := range project.Services {
		if slices.Contains(once, name) {
			assert.Contains(t, []string{"", types.RestartPolicyNo}, service.Restart, "%s ends by itself", name)
		} else {
			assert.Equal(t, types.RestartPolicyUnlessStopped, service.Restart, name)
			assert.True(t, service.HealthCheck != nil && len(service.HealthCheck.Test) > 1, "%s has no health check", name)
		}
		for other, dependency := range service.DependsOn {
			if dependency.Condition == types.ServiceConditionCompletedSuccessfully {
				continue
			}
			assert.Equal(t, types.ServiceConditionHealthy, dependency.Condition, "%s waits for %s", name, other)
			assert.NotNil(t, project.Services[other].HealthCheck, "%s waits for %s to be healthy", name, other)
		}
	}
}

func TestComposeOpensPortsToThisMachineOnly(t *testing.T) {
	t.Parallel()
	opened := 0
	for name, service := range compose(t).Services {
		assert.NotEqual(t, "host", service.NetworkMode, name)
		for _, port := range service.Ports {
			opened++
			address, err := netip.ParseAddr(port.HostIP)
			assert.True(t, err == nil && address.IsLoopback(), "%s opens port %s to %q", name, port.Published, port.HostIP)
		}
	}
	assert.Positive(t, opened)
}

func TestComposeKeepsTheDatabase(t *testing.T) {
	t.Parallel()
	project := compose(t)
	volumes := project.Services["postgres"].Volumes
	require.Len(t, volumes, 1)
	assert.Equal(t, types.VolumeTypeVolume, volumes[0].Type)
	assert.Contains(t, project.Volumes, volumes[0].Source)
	assert.Equal(t, "/var/lib/postgresql/data", volumes[0].Target)
}

func TestImagesArePinned(t *testing.T) {
	t.Parallel()
	images := fromLines(t)
	for _, service := range compose(t).Services {
		images = append(images, service.Image)
	}
	for _, image := range images {
		parsed, err := reference.ParseNormalizedNamed(image)
		require.NoError(t, err, image)
		if _, ok := parsed.(reference.Digested); ok {
			continue
		}
		tagged, ok := parsed.(reference.Tagged)
		assert.True(t, ok && tagged.Tag() != "latest", "%s names no version", image)
	}
}

// fromLines returns the images that the Dockerfile starts from.
func fromLines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	var images []string
	for _, match := range regexp.MustCompile(`(?m)^FROM (?:--\S+ )?(\S+)`).FindAllSubmatch(text, -1) {
		images = append(images, string(match[1]))
	}
	require.Len(t, images, 2)
	return images
}

// The program that the health checks call, and the entry point that the commands are for, are what the
// Dockerfile makes; root runs neither.
func TestDockerfileMakesWhatComposeRuns(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "\nENTRYPOINT [\""+ourProgram+"\"]\n")
	assert.Contains(t, string(text), "\nUSER nonroot\n")
	goVersion, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(goVersion)
	require.NotNil(t, version)
	assert.Contains(t, string(text), " golang:"+string(version[1])+"-", "the image is built with the Go of go.mod")
}
