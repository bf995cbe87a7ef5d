# Frame of every page.
language-menu = Language
skip-to-content = Skip to the content
title-problem = Problem: { $title }

# Login and password.
login-title = Log in
login-to = to continue to { $application }
login-to-realm = with your { $realm } account
login-label = Login
password-label = Password
login-submit = Log in
other-way = Another way to log in
method-password = Login and password
method-totp = Code from an authenticator app

# Choice of a method.
choice-title = Choose how to log in
choice-lead = Any of these will do.

# One-time code.
code-title = Enter your code
code-lead = Open your authenticator app and type the { $digits }-digit code it shows now.
code-label = Code
code-submit = Continue
code-lost = No access to your app?
code-lost-hint = Enter one of the recovery codes you saved when you set it up. Each code works once.
recovery-label = Recovery code
recovery-submit = Use the recovery code

# Setting up one-time codes.
enrol-title = Set up your authenticator app
enrol-lead = From now on you will log in with your password and a code from an app on your phone.
enrol-scan = Scan this square with an authenticator app
enrol-scan-hint = Any app for one-time codes will do.
enrol-qr = Square barcode that holds the setup key
enrol-manual = Cannot scan it?
enrol-open = Open in an app on this device
enrol-secret = Or type this key into your app
enrol-account = Account
enrol-confirm = Enter the { $digits }-digit code that the app shows
enrol-submit = Confirm

# Recovery codes.
codes-title = Save your recovery codes
codes-lead = If you lose your phone, one of these codes lets you in. Each works once.
codes-warning = They are shown only now. Keep them where you keep important papers.
codes-print = To print this page, use your browser’s menu or press Ctrl + P (⌘ + P on a Mac).
codes-copy = To copy them all, select the text in the box.
codes-list = Recovery codes, one on each line
codes-saved = I have saved my recovery codes
codes-submit = Continue

# New password.
password-title = Choose a new password
password-lead-forced = Your password must be changed before you go on.
password-lead-expired = Your password has been in use for too long. Choose a new one to go on.
password-lead-policy = Your password does not satisfy the current rules. Choose a new one.
password-current = Current password
password-new = New password
password-again = New password once more
password-rules = The new password
password-submit = Change the password
password-skip = Not now
password-mismatch = The two new passwords differ. Type the same password twice.
rule-met = satisfied
rule-violated = not satisfied
rule-min-length = { $count ->
    [one] has at least { $count } character
   *[other] has at least { $count } characters
}
rule-max-length = { $count ->
    [one] has at most { $count } character
   *[other] has at most { $count } characters
}
rule-groups = { $count ->
    [one] has characters of at least { $count } of these groups: { $groups }
   *[other] has characters of at least { $count } of these groups: { $groups }
}
rule-dictionary = is not a common password
rule-login = does not contain your login or e-mail address
rule-history = { $count ->
    [one] is not your current password
   *[other] is none of your last { $count } passwords
}
rule-differing = { $count ->
    [one] differs from the current one in at least { $count } character
   *[other] differs from the current one in at least { $count } characters
}
rule-min-age = may be changed only some time after the last change

# Consent.
consent-title = { $application } asks for access
consent-lead = It wants to use your account at { $realm }.
consent-person = You are logged in as { $person }.
consent-new = This is new
consent-granted = You have already allowed
consent-hint = You will not be asked for the same again.
consent-again = You have allowed all of this before. The application asks you to confirm it.
consent-allow = Allow
consent-deny = Do not allow

# Logout.
logout-title = Log out?
logout-lead = You will be logged out of { $realm } in this browser.
logout-lead-client = { $application } asks to log you out of { $realm } in this browser.
logout-submit = Log out
logout-stay = Stay logged in
logged-out-title = You are logged out
logged-out-lead = Your session at { $realm } has ended. On a shared computer, close the browser as well.
stayed-title = You are still logged in
stayed-lead = Your session at { $realm } goes on.
back-to = Back to { $application }

# Denials.
denied-title = Access denied
denied-client = You may not use { $application } with this account.
denied-realm = This account may not log in here.
denied-hint = If you think this is a mistake, ask whoever gave you this account.

# Form post.
returning-title = You are logged in
returning-lead = Taking you back to { $application }.
returning-hint = If nothing happens, press the button.
returning-submit = Continue

# Notices above a step.
notice-restarted = The login took too long and has been started again.
notice-moved = This login had already moved on, perhaps in another tab. This is the current step.
notice-method-gone = The way to log in has just changed. Please start again.
notice-reauthenticate = To go on, confirm that it is you.

# What went wrong with an answer.
failure-credentials = Wrong login or password. Check both and try again.
failure-code = This code is wrong or no longer valid. Enter the newest one.
failure-password = The new password does not satisfy the rules marked below.
failure-current-password = Your current password is wrong. Type it again.
failure-no-cookies = Your browser does not send cookies back. Allow cookies for this site, or the login cannot go on.

# Error pages.
error-hint-id = Give this number when you ask for help:
error-again = Start again
error-unknown-client-title = Unknown application
error-unknown-client = The application that sent you here is not registered, or it is switched off.
error-redirect-title = Wrong return address
error-redirect = The application wants the answer at an address that is not registered for it. For your safety nothing was sent.
error-request-title = This request cannot be understood
error-request = The link or form that brought you here is broken. Go back to the application and try again.
error-login-gone-title = This login is over
error-login-gone = It took too long, was finished in another tab, or was begun in another browser. Go back to the application and log in again.
error-not-found-title = Page not found
error-not-found = There is nothing at this address.
error-method-title = This does not work here
error-method = This address does not take that kind of request.
error-too-large-title = This is too much
error-too-large = What was sent is larger than this page accepts.
error-too-slow-title = This took too long
error-too-slow = What was sent did not arrive in time. Please try again.
error-foreign-form-title = The form could not be accepted
error-foreign-form = It came from another site, or your browser does not send cookies. Allow cookies for this site and try again.
error-too-many-title = Too many attempts
error-too-many = There were too many failed logins from your network. Wait a while and try again.
error-busy-title = Please try again in a moment
error-busy = Too many people are logging in right now.
error-unavailable-title = Temporarily not available
error-unavailable = The service cannot answer at the moment. Try again in a few minutes.
error-internal-title = Something went wrong
error-internal = The mistake is ours and has been recorded. Try again in a few minutes.
error-logout-return-title = Wrong return address
error-logout-return = The application wants you back at an address that is not registered for it. You are still logged in.
