package proof

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeToken looks like a secret. It is joined from parts, so that the gates do not find it in this file.
var fakeToken = strings.Join([]string{"ghp_Zk3Q", "w9Xv", "B7nT", "p2Lm", "R8sY", "c5Hd", "J4gF", "a6Ke", "U1oI"}, "")

const imageDigest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// securityRows are the proofs of the gates of the stage security.
var securityRows = []Row{
	{
		Gate: "gosec", Name: "a broken hash", files: goProject,
		defect: oneFile("internal/x/v.go", `package x

import "crypto/md5"

// Sum sums.
func Sum(b []byte) [16]byte {
	return md5.Sum(b)
}
`),
		twin: oneFile("internal/x/v.go", `package x

import "crypto/sha256"

// Sum sums.
func Sum(b []byte) [32]byte {
	return sha256.Sum256(b)
}
`),
		rule: "G401", location: "internal/x/v.go:7",
	},
	{
		Gate: "govulncheck", Name: "a vulnerable function", files: goProject,
		prepareDefect: writeGoDatabase, prepareTwin: writeGoDatabase,
		defect: oneFile("main.go", mainCalling("strings.Title")),
		twin:   oneFile("main.go", mainCalling("strings.ToUpper")),
		rule:   "GO-2026-9999", location: "main.go:8",
	},
	{
		Gate: "osv", Name: "a vulnerable package",
		defect: oneFile("app/package-lock.json", lockFile("1.0.0")),
		twin:   oneFile("app/package-lock.json", lockFile("2.0.0")),
		rule:   "GHSA-aaaa-bbbb-cccc", location: "app/package-lock.json",
		prepareDefect: writeOSVDatabase,
		prepareTwin:   writeOSVDatabase,
	},
	{
		Gate: "secrets", Name: "a token in a file",
		defect: oneFile("settings.ini", "token = "+fakeToken+"\n"),
		twin:   oneFile("settings.ini", "token = from the secrets manager\n"),
		rule:   "github-pat", location: "settings.ini:1",
	},
	{
		Gate: "history", Name: "a token that was removed again",
		rule: "github-pat", location: "settings.ini:1",
		prepareDefect: func(t testing.TB, p *Project) {
			CommitVersions(t, p, "token = "+fakeToken+"\n", "token =\n")
		},
		prepareTwin: func(t testing.TB, p *Project) { CommitVersions(t, p, "token = 1\n", "token =\n") },
	},
	{
		Gate: "baseline", Name: "a secret that is not in the baseline",
		defect: oneFile("settings.py", "password = \""+fakeToken[4:24]+"\"\n"),
		twin:   oneFile("settings.py", "password = None\n"),
		rule:   "SecretKeyword", location: "settings.py:1",
	},
	{
		Gate: "images", Name: "an image that is not pinned",
		defect: oneFile("Dockerfile", "FROM debian:12\nUSER 1000\n"),
		twin:   oneFile("Dockerfile", "FROM debian:12"+imageDigest+"\nUSER 1000\n"),
		rule:   "image-digest", location: "Dockerfile:1",
	},
	{
		Gate: "images", Name: "an image from a registry that is not allowed",
		defect: oneFile("k8s/pod.yaml", pod("registry.example.com/app:1"+imageDigest)),
		twin:   oneFile("k8s/pod.yaml", pod("registry.dagger.io/engine:1"+imageDigest)),
		rule:   "image-registry", location: "k8s/pod.yaml:3",
	},
	{
		Gate: "images", Name: "a container that runs as root",
		defect: oneFile("Dockerfile", "FROM debian:12"+imageDigest+"\nRUN true\n"),
		twin:   oneFile("Dockerfile", "FROM debian:12"+imageDigest+"\nUSER nobody\n"),
		rule:   "image-user", location: "Dockerfile:1",
	},
	{
		Gate: "templates:dev", Name: "a property that does not exist",
		defect: oneFile(".lockstep/assembly/dev/a.template.json", template("BucketNam")),
		twin:   oneFile(".lockstep/assembly/dev/a.template.json", template("BucketName")),
		rule:   "E3002", location: ".lockstep/assembly/dev/a.template.json:6",
	},
}

// mainCalling returns a program that calls the function of package strings.
func mainCalling(function string) string {
	return `package main

import (
	"fmt"
	"strings"
)

func main() { fmt.Println(` + function + `("a")) }
`
}

func pod(image string) string {
	return "spec:\n  containers:\n    - image: " + image + "\n"
}

// template returns a template of a bucket with the property.
func template(property string) string {
	return `{
  "Resources": {
    "B": {
      "Type": "AWS::S3::Bucket",
      "Properties": {
        "` + property + `": "proof-of-the-gate"
      }
    }
  }
}
`
}

// lockFile returns an npm lock file with a version of the package that writeOSVDatabase has a vulnerability of.
func lockFile(version string) string {
	return `{
  "name": "app",
  "lockfileVersion": 3,
  "packages": {
    "": {"name": "app"},
    "node_modules/unsafe-thing": {"version": "` + version + `"}
  }
}
`
}

// CommitVersions makes a repository whose history has the texts as versions of settings.ini, one commit each.
func CommitVersions(t testing.TB, p *Project, texts ...string) {
	t.Helper()
	p.Git(t, "init", "-q")
	for _, text := range texts {
		p.Write(t, "settings.ini", text)
		p.Git(t, "add", "settings.ini")
		p.Git(t, "commit", "-qm", "settings")
	}
}

// writeGoDatabase writes a database of vulnerabilities in Go modules, in which strings.Title has one that is not fixed,
// and configures it.
func writeGoDatabase(t testing.TB, p *Project) {
	const modified = "2026-01-01T00:00:00Z"
	p.Write(t, ".lockstep/db/index/db.json", `{"modified": "`+modified+`"}`)
	p.Write(t, ".lockstep/db/index/modules.json",
		`[{"path": "stdlib", "vulns": [{"id": "GO-2026-9999", "modified": "`+modified+`"}]}]`)
	p.Write(t, ".lockstep/db/index/vulns.json", `[{"id": "GO-2026-9999", "modified": "`+modified+`"}]`)
	p.Write(t, ".lockstep/db/ID/GO-2026-9999.json", `{
		"schema_version": "1.3.1", "id": "GO-2026-9999", "modified": "`+modified+`", "published": "`+modified+`",
		"summary": "seeded", "details": "A seeded vulnerability.",
		"affected": [{
			"package": {"name": "stdlib", "ecosystem": "Go"},
			"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
			"ecosystem_specific": {"imports": [{"path": "strings", "symbols": ["Title"]}]}
		}],
		"database_specific": {"url": "https://pkg.go.dev/vuln/GO-2026-9999"}
	}`)
	p.addGateSetting(t, "goVulnerabilities: file://"+p.Root+"/.lockstep/db")
}

// writeOSVDatabase writes a database of vulnerabilities in npm packages, with one vulnerability, and configures it.
func writeOSVDatabase(t testing.TB, p *Project) {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("GHSA-aaaa-bbbb-cccc.json")
	require.NoError(t, err)
	_, err = w.Write([]byte(`{
		"schema_version": "1.6.0", "id": "GHSA-aaaa-bbbb-cccc", "summary": "seeded",
		"modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
		"affected": [{
			"package": {"ecosystem": "npm", "name": "unsafe-thing"},
			"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}]
		}]
	}`))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	p.Write(t, ".lockstep/osv/osv-scalibr/npm/all.zip", archive.String())
	p.addGateSetting(t, "osvDatabases: "+filepath.Join(p.Root, ".lockstep/osv"))
}

// addGateSetting adds a line to the settings of the gates, and loads the graph again.
func (p *Project) addGateSetting(t testing.TB, line string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.Root, "config/pipeline.yaml"))
	require.NoError(t, err)
	p.Write(t, "config/pipeline.yaml", string(text)+"gates:\n  "+line+"\n")
	p.loadGraph(t)
}
