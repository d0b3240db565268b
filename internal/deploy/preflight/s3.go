package preflight

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
)

var s3Rules = []Rule{{
	"S3", "a bucket's name", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html", Check,
	checkBucketNames,
}}

var bucketNamePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// reservedPrefixes and reservedSuffixes are those of names that S3 keeps for itself.
var (
	reservedPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}
	reservedSuffixes = []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}
)

func checkBucketNames(s *subject, report report) {
	s.resources("AWS::S3::Bucket", func(id string, r assembly.Resource) {
		name, ok := r.Properties["BucketName"].(string)
		if !ok || strings.Contains(name, "{{resolve:") {
			return
		}
		_, notAddress := netip.ParseAddr(name)
		isReserved := slices.ContainsFunc(reservedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) ||
			slices.ContainsFunc(reservedSuffixes, func(p string) bool { return strings.HasSuffix(name, p) })
		switch {
		case !bucketNamePattern.MatchString(name), strings.Contains(name, ".."), notAddress == nil:
			report(id, fmt.Sprintf("%q cannot be a bucket's name: use 3 to 63 lower-case letters, digits, hyphens and "+
				"single dots, with a letter or digit at both ends", name))
		case isReserved:
			report(id, fmt.Sprintf("the bucket's name %q begins or ends with what S3 keeps for itself: choose another", name))
		}
	})
}
