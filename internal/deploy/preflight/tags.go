package preflight

import (
	"fmt"
	"strings"

	"lockstep/config/awsrules"
	"lockstep/internal/awsmodel"
	"lockstep/internal/deploy/assembly"
)

var tagRules = []Rule{
	{
		"tags", "a key that is empty or reserved, and a key or value that is too long",
		"https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html", Check, checkTagLengths,
	},
	{
		"tags", "two tags with one key, and more than 50 tags",
		"https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html", Check, checkTagKeys,
	},
	{
		"IAM", "tags whose keys differ only in case, and characters that IAM does not take in them",
		"https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html", Check, checkIAMTags,
	},
}

// A tag is a tag whose key is literal. Its value is nil where it is an intrinsic function.
type tag struct {
	key   string
	value *string
}

// tagsOf returns the tags of a resource whose keys are literal, in their order. The property with the tags is that of
// the type's schema, or Tags.
func tagsOf(r assembly.Resource) []tag {
	property := "Tags"
	if known, ok := awsmodel.Lookup(r.Type); ok && known.TagProperty != "" {
		property = known.TagProperty
	}
	var tags []tag
	add := func(key, value any) {
		name, ok := key.(string)
		if !ok {
			return
		}
		t := tag{key: name}
		if text, ok := value.(string); ok && !strings.Contains(text, "{{resolve:") {
			t.value = &text
		}
		tags = append(tags, t)
	}
	switch value := r.Properties[property].(type) {
	case []any:
		for _, item := range value {
			if object := asMap(item); object != nil {
				add(object["Key"], object["Value"])
			}
		}
	case map[string]any:
		for _, key := range sortedKeys(asMap(value)) {
			add(key, value[key])
		}
	}
	return tags
}

// forEachTagged calls visit for each resource with tags. Custom resources take any properties.
func (s *subject) forEachTagged(visit func(id string, r assembly.Resource, tags []tag)) {
	if s.isExpanded() {
		return
	}
	for _, id := range sortedKeys(s.template.Resources) {
		r := s.template.Resources[id]
		if tags := tagsOf(r); len(tags) > 0 && !isCustom(r.Type) {
			visit(id, r, tags)
		}
	}
}

func checkTagLengths(s *subject, report report) {
	check := func(id string, t tag) {
		if refused := awsrules.CheckTagKeyLength(t.key); refused != nil {
			report(id, refused.Error())
		} else if t.value == nil {
			return
		} else if refused := awsrules.CheckTagValueLength(t.key, *t.value); refused != nil {
			report(id, refused.Error())
		}
	}
	if !s.isNested {
		for _, key := range sortedKeys(s.stack.Tags) {
			value := s.stack.Tags[key]
			check("", tag{key, &value})
		}
	}
	s.forEachTagged(func(id string, _ assembly.Resource, tags []tag) {
		for _, t := range tags {
			check(id, t)
		}
	})
}

func checkTagKeys(s *subject, report report) {
	s.forEachTagged(func(id string, _ assembly.Resource, tags []tag) {
		seen := map[string]bool{}
		for _, t := range tags {
			if seen[t.key] {
				report(id, fmt.Sprintf("tag %q is there twice: keep one of them", t.key))
			}
			seen[t.key] = true
		}
		for key := range s.stack.Tags {
			seen[key] = true
		}
		if len(seen) > awsrules.MaxTags {
			report(id, fmt.Sprintf("there are %d tags with those of the stack, and AWS takes %d: leave some out",
				len(seen), awsrules.MaxTags))
		}
	})
}

// checkIAMTags checks the tags of IAM's resources together with those of the stack, which CloudFormation adds to them.
func checkIAMTags(s *subject, report report) {
	s.forEachTagged(func(id string, r assembly.Resource, tags []tag) {
		if !strings.HasPrefix(r.Type, "AWS::IAM::") {
			return
		}
		keys := sortedKeys(s.stack.Tags)
		for _, t := range tags {
			refused := awsrules.CheckTagCase(t.key, keys)
			if refused == nil {
				refused = awsrules.CheckTagCharacters(t.key, t.value)
			}
			if refused != nil {
				report(id, refused.Error())
			}
			keys = append(keys, t.key)
		}
	})
}
