package engine

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"lockstep/internal/pipeline"
)

const manifest = "../../docs/remote-engine.yaml"

// newKubernetesDecoder reads an object as the Kubernetes API does when it is told to be strict: an unknown kind, an unknown field and a value of another type are errors.
func newKubernetesDecoder(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, networkingv1.AddToScheme} {
		require.NoError(t, add(scheme))
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// splitManifest are the parts of a manifest.
func splitManifest(text string) []string { return strings.Split(text, "\n---\n") }

func TestDocument_EngineManifestIsValid(t *testing.T) {
	api := newKubernetesDecoder(t)
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	all := splitManifest(string(text))
	require.Len(t, all, 4)
	for _, one := range all {
		_, _, err := api.Decode([]byte(one), nil, nil)
		assert.NoError(t, err)
	}
	for name, change := range map[string][2]string{
		"a field that is misspelt":         {"volumeMounts:", "volumeMount:"},
		"a value of another type":          {"replicas: 1", `replicas: "1"`},
		"a kind that it does not know":     {"kind: StatefulSet", "kind: StatefulSets"},
		"a field in the wrong place":       {"      automountServiceAccountToken", "      clusterIP: None\n      automountServiceAccountToken"},
		"a list where there is one string": {"serviceName: engine", "serviceName: [engine]"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(text), change[0])
			var refused bool
			for _, one := range splitManifest(strings.Replace(string(text), change[0], change[1], 1)) {
				_, _, err := api.Decode([]byte(one), nil, nil)
				refused = refused || err != nil
			}
			assert.True(t, refused)
		})
	}
}

func TestDocument_EngineVersionMatchesModule(t *testing.T) {
	image := regexp.MustCompile(`registry\.dagger\.io/engine[^\s"` + "`" + `]+`)
	for file, times := range map[string]int{manifest: 1, "../../docs/remote-engine.md": 1} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		found := image.FindAllString(string(text), -1)
		assert.Len(t, found, times, file)
		for _, one := range found {
			assert.Equal(t, pipeline.DaggerEngine, one, file)
		}
	}
	guide, err := os.ReadFile("../../docs/dagger.md")
	require.NoError(t, err)
	assert.Contains(t, string(guide), pipeline.DaggerVersion)
}

func TestModule_EngineVersionMatchesTable(t *testing.T) {
	text, err := os.ReadFile("../../dagger.json")
	require.NoError(t, err)
	assert.Contains(t, string(text), `"engineVersion": "v`+pipeline.DaggerVersion+`"`)
}
