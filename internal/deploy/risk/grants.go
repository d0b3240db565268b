package risk

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"lockstep/internal/deploy/resolve"
)

// A kind is what a grant is.
type kind int

const (
	// allows is access that is given.
	allows kind = iota
	// limits is access that is refused, or held within bounds: without it there is more.
	limits
	// fixed is a setting that governs access, of which nobody can tell whether another value is wider.
	fixed
	// names is as fixed, but gives nothing by itself: a new resource has to have some name.
	names
	// attached is what a policy is attached to. With less of it, only what the policy denies is lost.
	attached
	// leads is where something is sent. A new resource has to send it somewhere, and without one nothing is sent.
	leads
	// reports is where a resource sends what happens to it. To have such a place is no more access; to have another is.
	reports
	// implied is access that exists where nothing is said. It is not reported, but covers what is.
	implied
)

// A grant is one thing that a resource allows or denies.
type grant struct {
	kind kind
	// text says what is granted. Marks of what cannot be known are in it, so that equal texts are equal grants.
	text string
	// isOpen says that everybody is allowed it, or everything, so that it is flagged in a new stack too.
	isOpen bool
	// scope is the property that it stands in: the same statement in another property is another grant. For a limit that
	// is no statement, it is its whole path.
	scope string
	// item is the path of the item of a list that a limit stands in; empty for none. Without the item there is nothing
	// to limit.
	item string
	// At most one of these says what the text does, so that what is narrower can be recognised.
	statement *statement
	rule      *trafficRule
	// account is the account that is named; empty for what is no name of an account.
	account string
}

// covers reports whether whatever b grants is granted by a as well.
func (a grant) covers(b grant) bool {
	switch {
	case a.scope != b.scope:
		return false
	case a.text == b.text:
		return true
	case a.statement != nil && b.statement != nil:
		return a.statement.covers(*b.statement)
	case a.rule != nil && b.rule != nil:
		return a.rule.covers(*b.rule)
	}
	return false
}

func isCovered(g grant, by []grant) bool {
	for _, other := range by {
		if (g.kind == limits) == (other.kind == limits) && other.covers(g) {
			return true
		}
	}
	return false
}

// widerGrants returns what the grants after a change allow beyond those before it. isAdded says that nothing was there
// before.
func widerGrants(before, after []grant, isAdded bool) []grant {
	var wider []grant
	for _, g := range after {
		switch g.kind {
		case limits, implied:
			continue
		case names, attached, leads:
			if isAdded {
				continue
			}
		case reports:
			if !isScope(g, before) {
				continue
			}
		}
		if !isCovered(g, before) {
			wider = append(wider, g)
		}
	}
	return wider
}

// isScope reports whether any of the grants stands where g does.
func isScope(g grant, among []grant) bool {
	return slices.ContainsFunc(among, func(other grant) bool { return other.kind == g.kind && other.scope == g.scope })
}

// lostLimits returns what held access within its bounds before, and no longer does.
func (r *reader) lostLimits(before []grant) []grant {
	var lost []grant
	denies := slices.ContainsFunc(before, func(g grant) bool { return g.kind == limits })
	for _, g := range before {
		isLimit := g.kind == limits || g.kind == fixed || g.kind == names || g.kind == attached && denies
		if isLimit && (g.item == "" || r.items[g.item]) && !isCovered(g, r.grants) {
			lost = append(lost, grant{kind: g.kind, text: "no longer: " + g.text, statement: g.statement})
		}
	}
	return lost
}

// A reader collects the grants of one resource.
type reader struct {
	kind       string
	isGoverned bool // whether all properties of the type govern access
	properties map[string]any
	grants     []grant
	// scope is the property that is being read.
	scope string
	// path is where the reader is, and item the path of the item of a list that it is in; empty for none.
	path, item string
	// items are the paths of all items of lists.
	items map[string]bool
	// isIncomplete says that there are more grants than maxGrants.
	isIncomplete bool
}

// maxGrants is more than the policies of a resource come to. IAM takes none of more than 10,240 characters, and others
// take 64 kB (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const maxGrants = 5000

func (r *reader) add(k kind, text string) { r.addGrant(grant{kind: k, text: text}) }

func (r *reader) addGrant(g grant) {
	if len(r.grants) >= maxGrants {
		r.isIncomplete = true
		return
	}
	g.scope = r.scope
	switch {
	case g.kind == limits && g.statement == nil:
		g.scope, g.item = r.path, r.item
	case g.kind == leads || g.kind == reports:
		g.scope = r.path
	}
	r.grants = append(r.grants, g)
}

// addItems adds a grant for each item of a value.
func (r *reader) addItems(k kind, before string, value any) {
	for _, item := range asList(value) {
		r.add(k, before+resolve.Text(item))
	}
}

// grantsOf returns the grants of a resource. Policies are found wherever they stand in the properties, and so are the
// settings of the table in access.go, so that no list of types has to be complete.
func grantsOf(resource resolve.Resource) *reader {
	r := &reader{kind: resource.Type, isGoverned: isGoverned(resource.Type), items: map[string]bool{}}
	properties, ok := resource.Properties.(map[string]any)
	if !ok {
		if text := resolve.Text(resource.Properties); text != "" && text != "{}" {
			r.add(fixed, "has properties that cannot be known: "+text)
		}
		return r
	}
	properties = withDefaults(properties, defaults[resource.Type])
	r.properties = properties
	read, isWhole := wholeReaders[resource.Type]
	for _, name := range sortedKeys(properties) {
		r.scope, r.path = name, name
		switch {
		case isMacroKey(name):
			r.add(fixed, "is expanded by a macro: "+resolve.Text(properties[name]))
		case !isWhole:
			r.readProperty(name, properties[name])
		}
	}
	r.scope, r.path = "", ""
	r.readDelegation(properties)
	if isWhole {
		read(r, properties)
	}
	r.readBoundingPolicy(properties)
	r.readEndpointService(properties)
	if r.isIncomplete { // only the very same is the same
		text := "grants more than can be judged: " + resolve.Fingerprint(properties)
		r.grants = []grant{{kind: fixed, text: text}}
	}
	return r
}

// isPreflight reports whether a method of an API only answers browsers that ask whom it answers.
func isPreflight(method map[string]any) bool {
	integration, _ := method["Integration"].(map[string]any)
	return resolve.Text(method["HttpMethod"]) == "OPTIONS" && resolve.Text(integration["Type"]) == "MOCK"
}

// readProperty adds the grants of a property of the resource itself.
func (r *reader) readProperty(name string, value any) {
	r.readSecrets(name, value)
	isTag := slices.Contains(harmlessProperties, name) || isTagProperty(r.kind, name)
	if !isTag && (!r.isGoverned || isHarmless(r.kind, name)) { // all else that governs access is judged
		r.readDestinations(name, value)
	}
	switch {
	case isHarmless(r.kind, name), r.kind == "AWS::ApiGateway::Method" && isPreflight(r.properties):
	case isPolicyProperty(r.kind, name):
		r.readPolicy(value)
	default:
		if !r.isGoverned { // there, all of it is judged
			r.readAccounts(value)
		}
		before := len(r.grants)
		r.walk(name, value)
		if len(r.grants) == before && r.isGoverned {
			r.readGoverned(name, value)
		}
	}
}

// readGoverned adds a property of a type all of whose properties govern access. Less items of a list are less access.
func (r *reader) readGoverned(name string, value any) {
	_, isList := value.([]any)
	switch {
	case isProtector(r.kind):
		r.add(names, name+": "+resolve.Text(value))
	case isAttachment(r.kind, name):
		r.addItems(attached, name+": ", value)
	case isList:
		r.addItems(allows, name+": ", value)
	case isOwnName(r.kind, name):
		r.add(names, name+": "+resolve.Text(value))
	default:
		r.add(fixed, name+": "+resolve.Text(value))
	}
}

// walk adds the grants that stand anywhere in a value: policies, and settings by their names.
func (r *reader) walk(name string, value any) {
	if r.readSetting(name, value) {
		return
	}
	r.readTogether(name, value)
	if !r.isGoverned && strings.HasSuffix("."+r.path, "."+name) { // an item of a list has been read with its list
		r.readNamed(name, value)
	}
	switch v := value.(type) {
	case map[string]any:
		r.walkObject(name, v)
	case []any:
		item := r.item
		for i, inner := range v {
			r.walkInto(strconv.Itoa(i), func() {
				r.item = r.path
				r.items[r.path] = true
				r.walk(name, inner)
			})
		}
		r.item = item
	default:
		r.walkText(name, value)
	}
}

// walkText adds what a text grants by itself: a policy, or what it says.
func (r *reader) walkText(name string, value any) {
	text, isText := value.(string)
	switch {
	case !isText:
	case mayBePolicy(text):
		r.readPolicy(text)
	case r.readOptions(text):
	case !r.isGoverned:
		r.readValue(name, text)
	}
}

// walkObject adds the grants that stand in an object: a policy, an attribute with a key and a value, or settings.
func (r *reader) walkObject(name string, v map[string]any) {
	if isStatementLike(v) {
		r.readStatement(v)
		return
	}
	if _, ok := v["Statement"]; ok {
		r.readPolicy(v)
		return
	}
	if r.readOptions(v) || isVariable(v) {
		return
	}
	for _, key := range sortedKeys(v) {
		if isMacroKey(key) {
			r.add(fixed, name+" is expanded by a macro: "+resolve.Text(v[key]))
			continue
		}
		r.walkInto(key, func() { r.walk(key, v[key]) })
	}
}

// isVariable reports whether an object is a variable or a tag: its name and value are its author's own.
func isVariable(v map[string]any) bool {
	value, hasValue := v["Value"]
	_, isText := value.(string)
	_, hasName := v["Name"]
	_, hasKey := v["Key"]
	return len(v) <= 3 && hasValue && isText && (hasName || hasKey) && !mayBePolicy(resolve.Text(value))
}

// walkInto calls walk with the path of a member.
func (r *reader) walkInto(name string, walk func()) {
	path := r.path
	r.path += "." + name
	walk()
	r.path = path
}

// asList returns a list, or a single item as a list; nil for none.
func asList(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{value}
}

func isMacroKey(key string) bool { return strings.HasPrefix(key, "Fn::") }

func sortedKeys(object map[string]any) []string { return slices.Sorted(maps.Keys(object)) }
