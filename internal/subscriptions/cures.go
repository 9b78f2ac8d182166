package subscriptions

import "strings"

var suspensionReasons = []string{
	"USER_SCOPE_REVOKED", "APP_SCOPE_REVOKED", "RESOURCE_DELETED", userLostAccess, "APP_AUTHORIZATION_FAILURE",
	"ENDPOINT_PERMISSION_DENIED", "ENDPOINT_NOT_FOUND", "ENDPOINT_RESOURCE_EXHAUSTED",
}

// cures says what ends a suspension, of which Google shows one reason only,
// once it has refused to reactivate it with a message that lists all.
func cures(shown, message, name, topic string) string {
	var list []string
	for _, reason := range suspensionReasons {
		if !strings.Contains(message, reason) {
			continue
		}
		cure := suspensionCure(reason, topic)
		if reason == userLostAccess {
			cure += ", from which Google never reactivates it: subscribe-setup delete " + name + ", then apply"
		}
		list = append(list, cure)
	}
	if len(list) == 0 {
		return suspensionCure(shown, topic)
	}
	return strings.Join(list, "; ")
}
