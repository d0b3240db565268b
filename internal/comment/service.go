package comment

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// A Service is GitHub or GitLab.
type Service struct {
	// Name is its name in the configuration, and noun is how it calls what is commented.
	Name string
	noun string
	// header is how a request names the token, with a prefix.
	header, prefix string
	// need says which right the token lacks when the service refuses it.
	need string
	// MaxBytes is the length of the longest comment that the service takes. It counts characters, which are not more than
	// bytes.
	MaxBytes int

	commentsPath func(Request) string
	commentPath  func(Request, int64) string
	updateMethod string
	author       func(context.Context, Request) (author, error)
}

// GitHub returns the service GitHub. Source: the REST API of GitHub, "Issue comments", which are those of pull requests
// too.
func GitHub() Service {
	repository := func(r Request) string { return "/repos/" + r.Repository + "/issues" }
	return Service{
		Name: "github", noun: "pull request", header: "Authorization", prefix: "Bearer ", MaxBytes: 65_536,
		need: "give the job `pull-requests: write`; the pull request of a fork or of Dependabot never gets that",
		commentsPath: func(r Request) string {
			return fmt.Sprintf("%s/%d/comments", repository(r), r.Number)
		},
		commentPath:  func(r Request, id int64) string { return fmt.Sprintf("%s/comments/%d", repository(r), id) },
		updateMethod: http.MethodPatch,
		author: func(context.Context, Request) (author, error) {
			return author{login: gitHubJobUser}, nil
		},
	}
}

// gitHubJobUser is the user of a job's token. The token may not ask who that is.
const gitHubJobUser = "github-actions[bot]"

// GitLab returns the service GitLab. Source: the REST API of GitLab, "Notes", and "Get the current user".
func GitLab() Service {
	project := func(r Request) string { return "/projects/" + url.PathEscape(r.Repository) }
	comments := func(r Request) string { return fmt.Sprintf("%s/merge_requests/%d/notes", project(r), r.Number) }
	return Service{
		Name: "gitlab", noun: "merge request", header: "PRIVATE-TOKEN", MaxBytes: 1_000_000,
		need:         "make a project access token with the scope `api` and the role Reporter or Developer",
		commentsPath: comments,
		commentPath:  func(r Request, id int64) string { return fmt.Sprintf("%s/%d", comments(r), id) },
		updateMethod: http.MethodPut,
		author: func(ctx context.Context, r Request) (author, error) {
			var user struct {
				ID int64 `json:"id"`
			}
			err := r.call(ctx, http.MethodGet, "/user", nil, &user)
			return author{id: user.ID}, err
		},
	}
}

// An author is the user of a token: a login on GitHub, an id on GitLab.
type author struct {
	login string
	id    int64
}

// wrote reports whether the author has written a comment.
func (a author) wrote(c comment) bool {
	if a.login != "" {
		return c.User.Login == a.login
	}
	return a.id != 0 && c.Author.ID == a.id && !c.System
}
