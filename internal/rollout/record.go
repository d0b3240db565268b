package rollout

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

// WriteRecord writes the records of an environment's accounts into a file, as fsx.WriteFile does for a project, for the
// program that runs this one as a step. It writes nothing if there are no records. Only the owner may read it: it has
// the values of the stacks.
func WriteRecord(project, file string, records []report.AccountRecord) error {
	if len(records) == 0 {
		return nil
	}
	record := records[0]
	record.OtherAccounts = records[1:]
	data, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	return fsx.WriteFile(project, file, append(data, '\n'), fsx.PrivateFile)
}

// maxRecordBytes is more than the record of ten thousand stacks.
const maxRecordBytes = 256 << 20

// ReadRecords reads the records that the steps of a stage wrote below the project's root, in the order of the
// environments. An environment without a record is left out. Damaged records are named by the error; the others are
// returned with it.
func ReadRecords(root string, stage pipeline.Stage, environments []config.Environment) ([]report.AccountRecord, error) {
	var records []report.AccountRecord
	var errs []error
	for _, path := range recordPaths(root, stage, environments) {
		data, err := fsx.ReadFile(path, maxRecordBytes)
		if err != nil {
			continue
		}
		var record report.AccountRecord
		if err := jsonx.Unmarshal(data, &record); err != nil {
			errs = append(errs, fault.Errorf(fault.RunDamaged, "%s is damaged: %w", path, err))
			continue
		}
		records = append(records, record)
	}
	return records, errors.Join(errs...)
}

// RemoveRecords removes the records that an earlier run wrote, so that ReadRecords returns only those of the next one.
func RemoveRecords(root string, stage pipeline.Stage, environments []config.Environment) error {
	for _, path := range recordPaths(root, stage, environments) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// recordPaths returns the paths of the records of a stage; none for a stage without a name.
func recordPaths(root string, stage pipeline.Stage, environments []config.Environment) []string {
	if stage == "" {
		return nil
	}
	var paths []string
	for _, env := range environments {
		paths = append(paths, filepath.Join(root, filepath.FromSlash(pipeline.RecordFile(stage, env.Name))))
	}
	return paths
}

// NotRehearsed returns what no rehearsal of the environments can show, whatever it deploys.
func NotRehearsed(environments []config.Environment) []string {
	var missing []string
	for _, env := range environments {
		if env.Approval.IsRequired() {
			missing = append(missing, "the approval before "+env.Name+", which a person gives in the pipeline")
		}
	}
	return append(missing, "service quotas, prices, the time that AWS takes, and what an account has already")
}
