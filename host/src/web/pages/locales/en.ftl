# Texts of the pages, English. Keys are the same in every locale (tested).
# A message may not hold < or &: its text goes into HTML as it is, only arguments are escaped.

## Everywhere
# The name people know the service by; an operator's locales/en.ftl may replace it.
brand = Authly
skip-to-content = Skip to content
open-policy = Privacy policy
open-terms = Terms of service
use-another-account = Use another account
this-device = this device
app-on-device = an app on this device

## Sign in
login-title = Sign in
login-heading = Sign in
login-lead = to continue to { $client }
login-lead-host = You will go on to { $host }.
login-again-heading = Confirm it’s you
login-again-lead = { $client } asks you to sign in again.
login-username = User name
login-password = Password
login-show = Show
login-hide = Hide
login-show-label = Show the password
login-hide-label = Hide the password
login-submit = Sign in
login-signed-in-as = Signing in as
login-rejected-title = That user name and password don’t match.
login-rejected-text = Check both and try again.
login-delayed-title = Too many attempts.
login-delayed-seconds = { $count ->
    [one] Wait one second, then try again.
   *[other] Wait { $count } seconds, then try again.
}
login-delayed-minutes = { $count ->
    [one] Wait one minute, then try again.
   *[other] Wait { $count } minutes, then try again.
}
login-busy-title = Many people are signing in right now.
login-busy-text = Your password was not checked. Try again in a moment.
login-unavailable-title = Signing in is not possible at the moment.
login-unavailable-text = This is our fault, not yours. Try again in a minute.
login-new_password_due-title = Choose a new password first.
login-new_password_due-text = Your password must be changed. Sign in from one of your apps: there you are asked for a new one.

## Choice of a new password
password-title = Choose a new password
password-heading = Choose a new password
password-lead = Your password must be changed before you continue to { $client }.
password-new = New password
password-again = New password, once more
password-submit = Save and continue
password-differ-title = The two passwords differ.
password-differ-text = Type the same new password in both fields.
password-short-title = That password is too short.
password-short-text = { $count ->
    [one] It needs at least one character.
   *[other] It needs at least { $count } characters.
}
password-long-title = That password is too long.
password-long-text = Choose a shorter one.
password-own-name-title = That password is your user name or e-mail address with little else.
password-own-name-text = Choose one that does not hold your name.
password-guessable-title = That password is too easy to guess.
password-guessable-text = Choose a longer one, such as four words that do not belong together.
password-same-title = That is the password you have now.
password-same-text = Choose another one.
password-busy-title = Many people are signing in right now.
password-busy-text = Your password was not changed. Try again in a moment.
password-unavailable-title = Your password could not be changed at the moment.
password-unavailable-text = This is our fault, not yours. Try again in a minute.

## Choice of an account
select-title = Choose an account
select-heading = Choose an account
select-continue = Continue as { $name }

## Back to the app
form-post-title = Back to the app
form-post-heading = One moment
form-post-continue = Continue

## Consent
consent-title = Allow access
consent-heading = { $client } would like access to your account
consent-heading-more = { $client } would like more access to your account
consent-account = Signed in as
consent-list = It will be able to:
consent-list-new = It would also be able to:
consent-list-known = You already allowed it to:
consent-allow = Allow
consent-deny = Cancel
consent-return = Whatever you choose, you will go back to { $host }.
consent-return-device = Whatever you choose, you will then go back to the app on this device.
consent-return-first-party = Whatever you choose, you will go back to { $client }.
consent-new = New
consent-powerful = Powerful
consent-trust = Only allow access to apps that you know.
consent-operator-says = As described by { $brand }

## What a scope lets an app do
scope-openid = Know who you are here
scope-profile = See your name and profile
scope-email = See your e-mail address
scope-address = See your postal address
scope-phone = See your phone number
scope-offline-access = Keep this access while you are not using it
scope-profile-write = Change your name and profile
scope-account-read = See your account here
scope-account-write = Change your password and sign you out everywhere
scope-read = Read your data
scope-write = Change your data
scope-admin = Administer this service
scope-admin-clients-read = See all registered apps
scope-admin-clients-write = Register, change and delete apps
scope-admin-scopes-read = See all permissions that apps can ask for
scope-admin-scopes-write = Change the permissions that apps can ask for
scope-admin-users-read = See all people’s accounts
scope-admin-users-write = Create, change and delete people’s accounts
scope-admin-system-read = See how this service is set up and doing
scope-admin-system-write = Change how this service is set up
scope-unknown = Use the permission “{ $scope }”

## What one claim lets an app do
claim-name = See your full name
claim-family-name = See your family name
claim-given-name = See your given name
claim-middle-name = See your middle name
claim-nickname = See your nickname
claim-preferred-username = See your user name
claim-profile = See the address of your profile page
claim-picture = See your picture
claim-website = See the address of your website
claim-gender = See your gender
claim-birthdate = See your date of birth
claim-zoneinfo = See your time zone
claim-locale = See your language
claim-updated-at = See when your profile last changed
claim-email = See your e-mail address
claim-email-verified = See whether your e-mail address is confirmed
claim-phone-number = See your phone number
claim-phone-number-verified = See whether your phone number is confirmed
claim-address = See your postal address

## Errors
error-invalid-request-title = This app sent a request that can’t be used
error-invalid-request-text = You have done nothing wrong. Go back to the app and try again; if it happens again, tell the people who run the app.
error-unknown-client-title = This app isn’t known here
error-unknown-client-text = The link that brought you here names an app that isn’t registered, so you have not been signed in. Tell the people who run the app.
error-redirect-mismatch-title = This app asked to send you to an unknown address
error-redirect-mismatch-text = To keep your account safe you have not been sent there. Tell the people who run the app.
error-expired-title = This page was open too long
error-expired-text = To keep your account safe, signing in must be finished within a few minutes. Nothing is lost: just start again.
error-other-browser-title = This page belongs to another browser
error-other-browser-text = Signing in must be finished in the browser where it began. If this is that browser, allow cookies for this site, then start again.
error-form-rejected-title = This form could not be accepted
error-form-rejected-text = It did not come from this page, or the page was out of date. Nothing was changed. Start again.
error-not-found-title = There is nothing at this address
error-not-found-text = The link may be old or incomplete.
error-too-many-requests-title = That was too fast
error-too-many-requests-text = Too many requests came from your network. Wait a minute, then try again.
error-unavailable-title = Out of order for a moment
error-unavailable-text = A part of this service does not answer. Nothing you entered is lost. Try again in a minute.
error-internal-title = Something went wrong here
error-internal-text = This is our fault, not yours. Try again; if it happens again, tell support the reference below.
error-back-client = Back to { $client }
error-start-again = Start again
error-retry = Try again
error-developer = For the developer of the app
error-reference = Reference

## Messages
message-finished-title = You’re done here
message-finished-text = This sign-in has already been completed. Go back to the app; this page can be closed.
message-start-at-app-title = Start at an app
message-start-at-app-text = Open the app that you would like to use and choose to sign in there. It will bring you back here.
message-signed-out-title = You’re signed out
message-signed-out-text = You are not signed in here in this browser. Apps that you have opened may keep you signed in until you sign out of them.
message-still-signed-in-title = You’re still signed in
message-still-signed-in-text = Nothing was changed. This page can be closed.

## One's own pages
account-title = Your account
account-login-lead = to see and change your account
account-sign-out = Sign out
account-apps = { $count ->
    [0] No app has access to your account
    [one] One app has access to your account
   *[other] { $count } apps have access to your account
}
account-sessions = { $count ->
    [one] Your account is open in this browser only
   *[other] Your account is open in { $count } browsers
}
back-account = Go to your account
back-sign-in = Sign in again
back-sign-out = Sign out
consents-title = Connected apps
consents-lead = These apps may use your account in the ways you allowed.
consents-since = Allowed on { $date }
consents-remove = Remove access
consents-remove-what = { $client } loses its access now, on every device, and has to ask you again. What it has already read stays with it.
consents-remove-now = Remove access now
consents-withdrawn = Access removed.
consents-none-title = No app has access
consents-none-text = When you sign in to an app with this account and allow it access, it is listed here, and you can take the access back.
sessions-title = Signed-in browsers
sessions-lead = Your account is open in these browsers. Sign out wherever you don’t recognise one.
sessions-browser-on = { $browser } on { $system }
sessions-browser-unknown = Unknown browser
sessions-current = This browser
sessions-last-used = Last used
sessions-started = Signed in
sessions-address = Address
sessions-ended = Signed out there.
sessions-end-others = Sign out everywhere else

## Points in time
moment-date = { $day } { $month } { $year }
moment-date-time = { $day } { $month } { $year }, { $time } UTC
moment-now = just now
moment-minutes = { $count ->
    [one] one minute ago
   *[other] { $count } minutes ago
}
moment-hours = { $count ->
    [one] one hour ago
   *[other] { $count } hours ago
}
moment-days = { $count ->
    [one] one day ago
   *[other] { $count } days ago
}
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December

## Signing out
logout-title = Sign out
logout-heading = Sign out?
logout-lead = You will be signed out of { $brand } in this browser.
logout-lead-client = { $client } asks to sign you out of { $brand } in this browser.
logout-apps = Apps that you have opened may keep you signed in until you sign out of them.
logout-return = Afterwards you will go to { $host }.
logout-return-device = Afterwards you will go back to the app on this device.
logout-return-first-party = Afterwards you will go to { $client }.
logout-stay = Stay signed in
logout-now = Sign out
resend-lead = The app you come from asks to sign you out.
resend-now = Continue
