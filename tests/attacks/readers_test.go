package attacks

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/pipeline"
	"lockstep/internal/refusal"
	"lockstep/internal/rollout"
)

// ambiguousEdits change a text of JSON so that one reader takes it for what it was and another for something else. Each
// gets the text, the name of its first member and that member's value.
var ambiguousEdits = map[string]func(text, name string) string{
	"a member is there twice": func(text, name string) string {
		return "{" + name + `: null,` + text[1:]
	},
	"a member is there twice, with an escape": func(text, name string) string {
		return `{"\u00` + hex(name[1]) + name[2:] + `: null,` + text[1:]
	},
	"a member of another case": func(text, name string) string {
		return "{" + strings.ToUpper(name) + `: null,` + text[1:]
	},
	"a member that is not known": func(text, _ string) string { return `{"allowEverything": true,` + text[1:] },
	"an object inside has a member twice": func(text, name string) string {
		return "{" + name + `: {"a": 1, "a": 2},` + text[1:]
	},
	"another document after the end":   func(text, _ string) string { return text + text },
	"a word after the end":             func(text, _ string) string { return text + " true" },
	"a text that is not UTF-8":         func(text, name string) string { return "{" + name + ": \"\xff\"," + text[1:] },
	"a number that no reader can hold": func(text, name string) string { return "{" + name + ": 1e999999," + text[1:] },
	"brackets without end":             func(string, string) string { return strings.Repeat("[", 1<<20) },
	"objects without end":              func(_, name string) string { return strings.Repeat("{"+name+":", 1<<18) },
	"a byte order mark":                func(text, _ string) string { return "\ufeff" + text },
}

// hex returns a letter in hexadecimal.
func hex(letter byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[letter>>4], digits[letter&15]})
}

// firstName returns the name of the first member of an object, with its quotes.
func firstName(t *testing.T, text string) string {
	t.Helper()
	name, _, found := strings.Cut(strings.TrimSpace(strings.TrimPrefix(text, "{")), ":")
	require.True(t, found, text)
	return name
}

func TestPlan_AmbiguousFileIsRefused(t *testing.T) {
	v := newVictim(t)
	file := v.savePlan()
	path := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, planfile.Write("", path, file, ""))
	text := readFile(t, path)
	edits := map[string]func(text, name string) string{
		"a second list of targets, before the one that counts": func(text, _ string) string {
			return strings.Replace(text, `"targets": [`, `"targets": [{"account": "`+account+`", "region": "`+region+
				`", "stacks": [{"name": "web", "reason": "edited after it was approved"}]}], "targets": [`, 1)
		},
		"a second reason of a stack": func(text, _ string) string {
			return strings.Replace(text, `"outcome":`, `"outcome": "unchanged", "outcome":`, 1)
		},
		"a second digest": func(text, _ string) string {
			return strings.Replace(text, `"digest":`, `"digest": "a", "digest":`, 1)
		},
		"white space":       func(text, _ string) string { return strings.Replace(text, `"project": `, `"project":  `, 1) },
		"a line at the end": func(text, _ string) string { return text + "\n" },
		"an escape":         func(text, _ string) string { return strings.Replace(text, `"shop"`, `"s\u0068op"`, 1) },
	}
	for name, edit := range ambiguousEdits {
		edits[name] = edit
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			edited := filepath.Join(t.TempDir(), "plan.json")
			changed := edit(text, firstName(t, text))
			require.NotEqual(t, text, changed)
			require.NoError(t, os.WriteFile(edited, []byte(changed), 0o600))
			_, err := planfile.Read(edited)
			var refused *refusal.Error
			require.ErrorAs(t, err, &refused)
		})
	}
	_, err := planfile.Read(path)
	require.NoError(t, err, "what was not edited is read")
}

func TestLedger_AmbiguousDocumentIsNotBelieved(t *testing.T) {
	for kind, test := range map[string]struct {
		// prefix is what the document's key begins with, behind the ledger's own prefix.
		prefix string
		read   func(context.Context, *ledger.Ledger, planfile.File) error
	}{
		"a release record": {"releases/", func(ctx context.Context, l *ledger.Ledger, _ planfile.File) error {
			_, err := l.LatestRelease(ctx)
			return err
		}},
		"the journal": {"journal.json", func(ctx context.Context, l *ledger.Ledger, _ planfile.File) error {
			_, err := l.Journal(ctx)
			return err
		}},
		"the lock": {"lock.json", func(ctx context.Context, l *ledger.Ledger, _ planfile.File) error {
			_, err := l.LockStatus(ctx)
			return err
		}},
		"the record of a plan": {"plans/", func(ctx context.Context, l *ledger.Ledger, f planfile.File) error {
			_, _, err := l.Plan(ctx, f.Digest)
			return err
		}},
		"an approval": {"approvals/", func(ctx context.Context, l *ledger.Ledger, f planfile.File) error {
			_, err := l.Approval(ctx, f.Digest)
			return err
		}},
	} {
		t.Run(kind, func(t *testing.T) {
			v := newVictim(t)
			require.NoError(t, v.deploy())
			v.setTemplate(`{"Resources":{"Queue":{"Type":"AWS::SQS::Queue"}}}`)
			file := v.savePlan()
			d, err := v.open()
			require.NoError(t, err)
			l, err := d.Ledger(t.Context())
			require.NoError(t, err)
			require.NoError(t, l.Approve(t.Context(), ledger.Approval{PlanDigest: file.Digest}))
			require.NoError(t, test.read(t.Context(), l, file))
			key := v.findObject("lockstep/shop/acc/" + test.prefix)
			text := v.objects()[key]
			for name, edit := range ambiguousEdits {
				t.Run(name, func(t *testing.T) {
					v.exchange(key, edit(text, firstName(t, text)))
					require.Error(t, test.read(t.Context(), l, file))
				})
			}
		})
	}
}

// findObject returns the key of the only object with a prefix.
func (v *victim) findObject(prefix string) string {
	v.t.Helper()
	var found []string
	for key := range v.objects() {
		if strings.HasPrefix(key, prefix) {
			found = append(found, key)
		}
	}
	require.Len(v.t, found, 1)
	return found[0]
}

func TestRecords_AmbiguousFileIsDamaged(t *testing.T) {
	root := t.TempDir()
	environments := []config.Environment{{Name: "acc"}}
	path := filepath.Join(root, filepath.FromSlash(pipeline.RecordFile(pipeline.Deploy, "acc")))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	text := `{"environment": "acc", "account": "` + account + `"}`
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	records, err := rollout.ReadRecords(root, pipeline.Deploy, environments)
	require.NoError(t, err)
	require.Len(t, records, 1)
	for name, edit := range ambiguousEdits {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, []byte(edit(text, `"environment"`)), 0o600))
			records, err := rollout.ReadRecords(root, pipeline.Deploy, environments)
			require.ErrorContains(t, err, "is damaged")
			assert.Empty(t, records)
		})
	}
}

func TestManifest_AmbiguousFileIsRefused(t *testing.T) {
	for _, file := range []string{"manifest.json", "web.assets.json", "web.template.json"} {
		for name, edit := range ambiguousEdits {
			if strings.Contains(name, "not known") || strings.Contains(name, "another case") ||
				strings.Contains(name, "number") {
				continue // other programs write these files, with names of their own
			}
			t.Run(file+"/"+name, func(t *testing.T) {
				v := newVictim(t)
				v.afterWrite = func() {
					text := readFile(t, filepath.Join(v.dir, file))
					v.write(file, edit(text, firstName(t, text)))
				}
				require.Error(t, v.plan())
			})
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
