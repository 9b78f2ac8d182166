package subscriptions

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/api/googleapi"

	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Error explains why something could not be done to a subscription: what was
// done, the cause, and what to do about it.
type Error struct {
	Doing   string
	Cause   string
	Remedy  string
	Code    int    // HTTP status of Google's answer; 0 if there was none
	Message string // Google's own words
}

func (p *Error) Error() string {
	if p.Code == 0 {
		return p.Doing + ": " + p.Cause + "; " + p.Remedy
	}
	return fmt.Sprintf("%s: %s: %s (Google: %d %s)", p.Doing, p.Cause, p.Remedy, p.Code, p.Message)
}

// Lasting reports whether trying again soon would fail again.
func (p *Error) Lasting() bool {
	return p.Code != http.StatusTooManyRequests && p.Code != http.StatusConflict && p.Code < 500
}

// explain turns Google's answer into an [*Error], and wraps every other error.
func explain(doing string, d Desired, err error) error {
	code, message := answerOf(err)
	var network *url.Error
	var token *credentials.Error
	switch {
	case code != 0:
	case errors.As(err, &token): // it says all; what wraps it doesn't matter
		return fmt.Errorf("%s: %w", doing, token)
	case errors.As(err, &network):
		return fmt.Errorf("%s: the Workspace Events API can't be reached: %w", doing, err)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
	cause, remedy := diagnose(code, message, d)
	return &Error{Doing: doing, Cause: cause, Remedy: remedy, Code: code, Message: strings.TrimSuffix(message, ".")}
}

// answerOf returns the HTTP status and text of Google's answer, 0 if none came.
func answerOf(err error) (code int, message string) {
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		message, _, _ = strings.Cut(answer.Message, "\n")
		for _, detail := range answer.Details {
			if info, ok := detail.(map[string]any); ok && info["reason"] == serviceDisabled {
				message = serviceDisabled + " " + message
			}
		}
		return answer.Code, message
	}
	var operation *operationError
	if errors.As(err, &operation) {
		return httpStatus(operation.status.Code), operation.status.Message
	}
	return 0, ""
}

const serviceDisabled = "SERVICE_DISABLED"

// httpStatus maps a google.rpc.Code as Google's REST front end does.
func httpStatus(code int64) int {
	switch code {
	case 3, 9, 11: // INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE
		return http.StatusBadRequest
	case 5: // NOT_FOUND
		return http.StatusNotFound
	case codeAlreadyExists, 10: // ABORTED
		return http.StatusConflict
	case 7: // PERMISSION_DENIED
		return http.StatusForbidden
	case 8: // RESOURCE_EXHAUSTED
		return http.StatusTooManyRequests
	case 16: // UNAUTHENTICATED
		return http.StatusUnauthorized
	}
	return http.StatusInternalServerError
}

// diagnose guesses the cause from the status and Google's words. Those aren't
// documented (fact sheet §4), so they are always shown, too.
func diagnose(code int, message string, d Desired) (cause, cure string) {
	lower := strings.ToLower(message)
	aboutTopic := strings.Contains(lower, "topic") || strings.Contains(lower, "pubsub") || strings.Contains(lower, "pub/sub")
	switch {
	case strings.Contains(message, serviceDisabled), strings.Contains(lower, "has not been used in project"):
		return "the Workspace Events API is off in the project", "gcloud services enable workspaceevents.googleapis.com"
	case code == http.StatusUnauthorized:
		return "Google doesn't accept the credentials", "subscribe-setup doctor says more"
	case code == http.StatusTooManyRequests:
		return "the quota of the project is used up", "wait a minute and apply again"
	case code >= 500:
		return "Google has a problem", "apply again later"
	case aboutTopic && code == http.StatusNotFound:
		return "the topic " + d.Topic + " doesn't exist", createTopic(d.Topic)
	case aboutTopic && code == http.StatusForbidden:
		return "the topic " + d.Topic + " can't be used", grantPublisher(d.Topic)
	case aboutTopic:
		return "the topic " + d.Topic + " isn't accepted", "it must exist in the Chat app's own project; set project and pubsub.topic"
	case code == http.StatusForbidden:
		return forbidden(lower, d)
	case code == http.StatusNotFound && strings.Contains(lower, "app not found"):
		return "there is no Chat app in the project", "configure it on the Google Chat API's page in the Cloud console: name, avatar and description"
	case code == http.StatusNotFound:
		return "Google finds no such space, or no Chat app in this project", "check the name under workspace, and that the app is configured on the Chat API page and is in the space"
	}
	return "Google doesn't accept the request", "change what its words name"
}

// forbidden guesses why Google denies permission.
func forbidden(message string, d Desired) (cause, cure string) {
	says := func(words string) bool { return strings.Contains(message, words) }
	switch {
	case says("administrator"):
		return "an administrator hasn't approved the app's scopes",
			"have them approve " + strings.Join(shortScopes(), ", ") + " for the Chat app in the Admin console"
	case says("user authentication"):
		return "the Chat app itself may not watch " + d.Scope, "set auth.mode to user or impersonate"
	case says("app authentication"):
		return "only the Chat app itself may watch " + d.Scope, "set auth.mode to app, and have an administrator approve its chat.app.all scopes"
	case says("scope"):
		return "the credentials lack scopes that the event types need", "subscribe-setup doctor says which; grant them to the credentials of auth"
	case events.IsUser(d.Scope):
		return "the credentials aren't those of " + d.Scope, "a user can watch nobody else: let auth name this user, or take the target out of workspace.targets"
	case d.Scope == "":
		return "the credentials are neither a Chat app's nor a user's of it", "run as the Chat app's service account, or set auth"
	case says("user"):
		return "the user of auth isn't in the space", "add the user to the space, or take it out of the configuration"
	}
	return "the Chat app has no access to the space", "add the app to the space (in the space: Apps & integrations)"
}

func shortScopes() []string {
	var list []string
	for _, s := range scopes[1:] { // chat.bot needs no approval
		list = append(list, s[strings.LastIndex(s, "/")+1:])
	}
	return list
}

// publisher is who publishes events (fact sheet §4.3).
const publisher = "chat-api-push@system.gserviceaccount.com"

func createTopic(topic string) string {
	return "gcloud pubsub topics create " + topic + ", then " + grantPublisher(topic)
}

func grantPublisher(topic string) string {
	return "gcloud pubsub topics add-iam-policy-binding " + topic +
		" --member=serviceAccount:" + publisher + " --role=roles/pubsub.publisher"
}
