// Package attacks shows that nothing is believed because of its name: each test does what somebody would do who can
// write an assembly, an object of the bucket, a cache entry or a commit, and expects to be noticed.
package attacks

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/deploy/simulated"
)

const (
	toolingAccount = "123456789012"
	account        = "444455556666"
	region         = "eu-west-1"
	bucket         = "cdk-hnb659fds-assets-" + account + "-" + region
)

// role returns the ARN of a role of the account's bootstrap.
func role(kind string) string {
	return fmt.Sprintf("arn:aws:iam::%s:role/cdk-hnb659fds-%s-role-%s-%s", account, kind, account, region)
}

// A victim is an environment in simulated AWS, and a cloud assembly that the attacker may change.
type victim struct {
	*simulated.Cloud
	t *testing.T
	// dir is the folder of the assembly.
	dir string
	// stack, and assets by their id, are written into the manifests.
	stack  map[string]any
	assets map[string]map[string]any
	// project is the project that deploys.
	project string
	// beforeCall, if not nil, is called before each call of AWS with its body.
	beforeCall func(body string)
	// client takes the calls in the place of the victim, unless it is nil.
	client aws.HTTPClient
	// afterWrite, if not nil, is called when the assembly is written.
	afterWrite func()
}

// Do implements aws.HTTPClient.
func (v *victim) Do(r *http.Request) (*http.Response, error) {
	if v.beforeCall != nil && r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		v.beforeCall(string(text))
		r.Body = io.NopCloser(bytes.NewReader(text))
	}
	return v.Cloud.Do(r)
}

const cleanTemplate = `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}`

// newVictim returns an environment and a clean assembly with one stack, whose template is published.
func newVictim(t *testing.T) *victim {
	t.Helper()
	v := &victim{
		Cloud: simulated.NewKind(), t: t, dir: t.TempDir(), project: "shop", assets: map[string]map[string]any{},
		stack: map[string]any{
			"templateFile": "web.template.json", "assumeRoleArn": role("deploy"),
			"cloudFormationExecutionRoleArn": role("cfn-exec"),
		},
	}
	v.setTemplate(cleanTemplate)
	return v
}

// setTemplate makes the stack's template the text, as a synthesis would.
func (v *victim) setTemplate(text string) {
	delete(v.assets, "template")
	v.write("web.template.json", text)
	key := ledger.SHA256Hex([]byte(text)) + ".json"
	v.addAsset("template", "web.template.json", "file", key)
	v.stack["stackTemplateAssetObjectUrl"] = "s3://" + bucket + "/" + key
}

func (v *victim) write(name, text string) {
	v.t.Helper()
	require.NoError(v.t, os.MkdirAll(filepath.Join(v.dir, filepath.Dir(name)), 0o755))
	require.NoError(v.t, os.WriteFile(filepath.Join(v.dir, name), []byte(text), 0o644))
}

func (v *victim) link(target, name string) {
	v.t.Helper()
	require.NoError(v.t, os.Symlink(target, filepath.Join(v.dir, name)))
}

// addAsset adds an asset to the stack, and returns its destination.
func (v *victim) addAsset(id, path, packaging, key string) map[string]any {
	destination := map[string]any{"bucketName": bucket, "objectKey": key, "assumeRoleArn": role("file-publishing")}
	v.assets[id] = map[string]any{
		"source": map[string]any{"path": path, "packaging": packaging}, "destinations": map[string]any{"d": destination},
	}
	return destination
}

// addFunction adds a folder with a function's code, and returns the key that it is published under: like the CDK's, it
// is not the hash of the archive.
func (v *victim) addFunction(code string) string {
	v.write("asset.function/index.js", code)
	key := ledger.SHA256Hex([]byte("sources of the function")) + ".zip"
	v.addAsset("function", "asset.function", "zip", key)
	return key
}

// open opens a deployment of the assembly.
func (v *victim) open(change ...func(*deploy.Options)) (*deploy.Deployment, error) {
	v.t.Helper()
	manifest := map[string]any{"version": "36.0.0", "artifacts": map[string]any{
		"web.assets": map[string]any{"type": "cdk:asset-manifest", "properties": map[string]any{"file": "web.assets.json"}},
		"web": map[string]any{
			"type": "aws:cloudformation:stack", "environment": "aws://" + account + "/" + region,
			"dependencies": []string{"web.assets"}, "properties": v.stack,
		},
	}}
	for name, document := range map[string]any{
		"manifest.json": manifest, "web.assets.json": map[string]any{"version": "36.0.0", "files": v.assets},
	} {
		text, err := json.Marshal(document)
		require.NoError(v.t, err)
		v.write(name, string(text))
	}
	if v.afterWrite != nil {
		v.afterWrite()
	}
	files, err := assembly.Open(v.dir)
	require.NoError(v.t, err)
	asm, err := assembly.Read(files, assembly.Defaults{})
	if err != nil {
		return nil, err
	}
	o := deploy.Options{
		Run:         deploy.RunInfo{ID: deploy.NewRunID(), Command: "lockstep deploy", Mode: deploy.Rehearsal},
		LivenessDir: v.t.TempDir(),
		SynthDigest: digest.Synth(asm.Digest), EnvironmentDigest: digest.Environment(asm.Digest),
		Artifacts: deploy.Artifacts{Assembly: asm.Files},
	}
	for _, f := range change {
		f(&o)
	}
	target := awsclient.Target{
		Project: v.project, Environment: "acc", Account: account, Region: region, ToolingAccount: toolingAccount,
		Qualifier: "hnb659fds",
	}
	cfg := v.Config(toolingAccount, region)
	cfg.HTTPClient = v
	if v.client != nil {
		cfg.HTTPClient = v.client
	}
	return deploy.Open(v.t.Context(), cfg, target, asm, o)
}

// plan plans the assembly.
func (v *victim) plan() error {
	v.t.Helper()
	d, err := v.open()
	if err != nil {
		return err
	}
	_, err = d.Plan(v.t.Context())
	return err
}

// deploy deploys the assembly.
func (v *victim) deploy(change ...func(*deploy.Options)) error {
	v.t.Helper()
	d, err := v.open(change...)
	if err != nil {
		return err
	}
	_, err = d.Deploy(v.t.Context(), deploy.DeployRequest{})
	return err
}

// savePlan plans the assembly for a review.
func (v *victim) savePlan() planfile.File {
	v.t.Helper()
	d, err := v.open()
	require.NoError(v.t, err)
	return savePlan(v.t, d)
}

// savePlan plans a deployment for a review, and registers the plan.
func savePlan(t *testing.T, d *deploy.Deployment) planfile.File {
	t.Helper()
	_, target, err := d.SavePlan(t.Context(), time.Hour)
	require.NoError(t, err)
	file, err := d.NewPlanFile([]planfile.Target{target}, time.Hour)
	require.NoError(t, err)
	require.NoError(t, d.RegisterPlan(t.Context(), file))
	return file
}

// apply applies a plan.
func (v *victim) apply(file planfile.File) error {
	v.t.Helper()
	d, err := v.open()
	require.NoError(v.t, err)
	_, err = d.Deploy(v.t.Context(), deploy.DeployRequest{Plan: &file})
	return err
}

// objects returns the account's objects by their key.
func (v *victim) objects() map[string]string { return v.Objects(account, region) }

// exchange writes an object as whoever may write the bucket does.
func (v *victim) exchange(key, text string) { v.SetObject(account, region, key, text, time.Hour) }

// archive returns an archive with one file.
func archive(t *testing.T, name, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	file, err := w.Create(name)
	require.NoError(t, err)
	_, err = file.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.String()
}

// unpack returns the content of a file in an archive.
func unpack(t *testing.T, data, name string) string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader([]byte(data)), int64(len(data)))
	require.NoError(t, err, "it is an archive")
	file, err := r.Open(name)
	require.NoError(t, err)
	defer file.Close()
	var out bytes.Buffer
	_, err = out.ReadFrom(file)
	require.NoError(t, err)
	return out.String()
}
