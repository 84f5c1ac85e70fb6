package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/durahook/durahook/internal/cli"
)

const manifests = "../deploy/kubernetes"

// objects decodes every manifest that the kustomization names, as strictly as Kubernetes can.
func objects(t *testing.T) (decoded []runtime.Object) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(manifests, "kustomization.yaml"))
	require.NoError(t, err)
	var kustomization struct {
		Resources []string `yaml:"resources"`
	}
	require.NoError(t, yaml.Unmarshal(text, &kustomization))
	files, err := filepath.Glob(filepath.Join(manifests, "*.yaml"))
	require.NoError(t, err)
	require.Len(t, kustomization.Resources, len(files)-1, "every file is named")
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	for _, file := range kustomization.Resources {
		text, err := os.ReadFile(filepath.Join(manifests, file))
		require.NoError(t, err)
		for documents := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var document map[string]any
			err := documents.Decode(&document)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, file)
			text, err := yaml.Marshal(document)
			require.NoError(t, err, file)
			object, _, err := decoder.Decode(text, nil, nil)
			require.NoError(t, err, file)
			decoded = append(decoded, object)
		}
	}
	return decoded
}

// pods returns the templates of all pods, by the name of what makes them.
func pods(t *testing.T) map[string]corev1.PodTemplateSpec {
	t.Helper()
	found := map[string]corev1.PodTemplateSpec{}
	for _, object := range objects(t) {
		switch object := object.(type) {
		case *appsv1.Deployment:
			found[object.Name] = object.Spec.Template
		case *batchv1.Job:
			found[object.Name] = object.Spec.Template
		}
	}
	require.Len(t, found, 3)
	return found
}

func TestKubernetesGivesDurahookNoRights(t *testing.T) {
	t.Parallel()
	for name, pod := range pods(t) {
		assert.True(t, *pod.Spec.SecurityContext.RunAsNonRoot, name)
		assert.False(t, *pod.Spec.AutomountServiceAccountToken, name)
		for _, container := range pod.Spec.Containers {
			rights := container.SecurityContext
			assert.True(t, *rights.ReadOnlyRootFilesystem, name)
			assert.False(t, *rights.AllowPrivilegeEscalation, name)
			assert.Equal(t, []corev1.Capability{"ALL"}, rights.Capabilities.Drop, name)
			assert.NotEmpty(t, container.Resources.Limits.Memory().Value(), name)
		}
	}
}

// What the processes are told fits their flags, and what their secrets are called, too.
func TestKubernetesFitsTheCommandLine(t *testing.T) {
	t.Parallel()
	flags, err := cli.Flags()
	require.NoError(t, err)
	var variables []string
	for _, object := range objects(t) {
		if settings, ok := object.(*corev1.ConfigMap); ok {
			for variable := range settings.Data {
				variables = append(variables, variable)
			}
		}
	}
	for name, pod := range pods(t) {
		for _, container := range pod.Spec.Containers {
			for _, variable := range container.Env {
				variables = append(variables, variable.Name)
			}
			var stderr strings.Builder
			status := cli.Main(t.Context(), "durahook", "", new(cli.Commands), []string{container.Args[0], "--help"}, io.Discard, &stderr)
			assert.Zero(t, status, "%s: %s", name, stderr.String())
		}
	}
	for _, variable := range variables {
		flag, ok := strings.CutPrefix(variable, "DURAHOOK_")
		assert.True(t, ok && slices.Contains(flags, strings.ReplaceAll(strings.ToLower(flag), "_", "-")), "%s stands for no flag", variable)
	}
}

// Every deployment has probes, is drained for long enough and never disturbed as a whole.
func TestKubernetesKeepsDurahookRunning(t *testing.T) {
	t.Parallel()
	budgets := map[string]map[string]string{}
	for _, object := range objects(t) {
		if budget, ok := object.(*policyv1.PodDisruptionBudget); ok {
			budgets[budget.Name] = budget.Spec.Selector.MatchLabels
		}
	}
	for _, object := range objects(t) {
		deployment, ok := object.(*appsv1.Deployment)
		if !ok {
			continue
		}
		pod := deployment.Spec.Template
		assert.Equal(t, pod.Labels, deployment.Spec.Selector.MatchLabels, deployment.Name)
		assert.Equal(t, pod.Labels, budgets[deployment.Name], deployment.Name)
		assert.Greater(t, *pod.Spec.TerminationGracePeriodSeconds, int64(45), "attempts under way may take as long")
		for _, container := range pod.Spec.Containers {
			assert.NotNil(t, container.LivenessProbe, deployment.Name)
			assert.NotNil(t, container.ReadinessProbe, deployment.Name)
		}
	}
	require.Len(t, budgets, 2)
}
