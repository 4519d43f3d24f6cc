# Texte der Seiten, Deutsch. Die Schlüssel sind in jeder Sprache dieselben (geprüft).
# Kein Text darf < oder & enthalten: Er kommt so ins HTML, nur Argumente werden maskiert.

## Überall
brand = Authly
skip-to-content = Zum Inhalt
open-policy = Datenschutz
open-terms = Nutzungsbedingungen
use-another-account = Anderes Konto verwenden
this-device = dieses Gerät
app-on-device = eine App auf diesem Gerät

## Anmelden
login-title = Anmelden
login-heading = Anmelden
login-lead = und weiter zu { $client }
login-lead-host = Danach geht es weiter zu { $host }.
login-again-heading = Bestätigen Sie, dass Sie es sind
login-again-lead = { $client } bittet Sie, sich noch einmal anzumelden.
login-username = Benutzername
login-password = Passwort
login-show = Zeigen
login-hide = Verbergen
login-show-label = Passwort zeigen
login-hide-label = Passwort verbergen
login-submit = Anmelden
login-signed-in-as = Anmeldung als
login-rejected-title = Benutzername und Passwort passen nicht zusammen.
login-rejected-text = Prüfen Sie beide und versuchen Sie es noch einmal.
login-delayed-title = Zu viele Versuche.
login-delayed-seconds = { $count ->
    [one] Warten Sie eine Sekunde und versuchen Sie es dann noch einmal.
   *[other] Warten Sie { $count } Sekunden und versuchen Sie es dann noch einmal.
}
login-delayed-minutes = { $count ->
    [one] Warten Sie eine Minute und versuchen Sie es dann noch einmal.
   *[other] Warten Sie { $count } Minuten und versuchen Sie es dann noch einmal.
}
login-busy-title = Gerade melden sich sehr viele Menschen an.
login-busy-text = Ihr Passwort wurde nicht geprüft. Versuchen Sie es gleich noch einmal.
login-unavailable-title = Die Anmeldung ist im Moment nicht möglich.
login-unavailable-text = Das liegt an uns, nicht an Ihnen. Versuchen Sie es in einer Minute noch einmal.
login-new_password_due-title = Wählen Sie zuerst ein neues Passwort.
login-new_password_due-text = Ihr Passwort muss geändert werden. Melden Sie sich aus einer Ihrer Anwendungen an: Dort werden Sie nach einem neuen gefragt.

## Wahl eines neuen Passworts
password-title = Neues Passwort wählen
password-heading = Neues Passwort wählen
password-lead = Ihr Passwort muss geändert werden, bevor es weitergeht zu { $client }.
password-new = Neues Passwort
password-again = Neues Passwort noch einmal
password-submit = Speichern und weiter
password-differ-title = Die beiden Passwörter sind verschieden.
password-differ-text = Geben Sie in beide Felder dasselbe neue Passwort ein.
password-short-title = Dieses Passwort ist zu kurz.
password-short-text = { $count ->
    [one] Es braucht mindestens ein Zeichen.
   *[other] Es braucht mindestens { $count } Zeichen.
}
password-long-title = Dieses Passwort ist zu lang.
password-long-text = Wählen Sie ein kürzeres.
password-own-name-title = Dieses Passwort ist Ihr Benutzername oder Ihre E-Mail-Adresse und wenig mehr.
password-own-name-text = Wählen Sie eines, in dem Ihr Name nicht vorkommt.
password-guessable-title = Dieses Passwort ist zu leicht zu erraten.
password-guessable-text = Wählen Sie ein längeres, etwa vier Wörter, die nichts miteinander zu tun haben.
password-same-title = Das ist Ihr jetziges Passwort.
password-same-text = Wählen Sie ein anderes.
password-busy-title = Gerade melden sich sehr viele Menschen an.
password-busy-text = Ihr Passwort wurde nicht geändert. Versuchen Sie es gleich noch einmal.
password-unavailable-title = Ihr Passwort kann im Moment nicht geändert werden.
password-unavailable-text = Das liegt an uns, nicht an Ihnen. Versuchen Sie es in einer Minute noch einmal.

## Auswahl eines Kontos
select-title = Konto wählen
select-heading = Konto wählen
select-continue = Weiter als { $name }

## Zurück zur Anwendung
form-post-title = Zurück zur Anwendung
form-post-heading = Einen Moment
form-post-continue = Weiter

## Zustimmung
consent-title = Zugriff erlauben
consent-heading = { $client } möchte auf Ihr Konto zugreifen
consent-heading-more = { $client } möchte mehr Zugriff auf Ihr Konto
consent-account = Angemeldet als
consent-list = Die Anwendung dürfte dann:
consent-list-new = Zusätzlich dürfte die Anwendung:
consent-list-known = Das haben Sie schon erlaubt:
consent-allow = Erlauben
consent-deny = Abbrechen
consent-return = In jedem Fall geht es danach zurück zu { $host }.
consent-return-device = In jedem Fall geht es danach zurück zur App auf diesem Gerät.
consent-return-first-party = In jedem Fall geht es danach zurück zu { $client }.
consent-new = Neu
consent-powerful = Weitreichend
consent-trust = Erlauben Sie nur Anwendungen den Zugriff, die Sie kennen.
consent-operator-says = So beschrieben von { $brand }

## Was eine Berechtigung erlaubt
scope-openid = Wissen, wer Sie hier sind
scope-profile = Ihren Namen und Ihr Profil sehen
scope-email = Ihre E-Mail-Adresse sehen
scope-address = Ihre Postanschrift sehen
scope-phone = Ihre Telefonnummer sehen
scope-offline-access = Diesen Zugriff behalten, auch wenn Sie sie nicht benutzen
scope-profile-write = Ihren Namen und Ihr Profil ändern
scope-account-read = Ihr Konto hier sehen
scope-account-write = Ihr Passwort ändern und Sie überall abmelden
scope-read = Ihre Daten lesen
scope-write = Ihre Daten ändern
scope-admin = Diesen Dienst verwalten
scope-admin-clients-read = Alle registrierten Anwendungen sehen
scope-admin-clients-write = Anwendungen registrieren, ändern und löschen
scope-admin-scopes-read = Alle Berechtigungen sehen, die es gibt
scope-admin-scopes-write = Die Berechtigungen ändern, die es gibt
scope-admin-users-read = Die Konten aller Personen sehen
scope-admin-users-write = Konten von Personen anlegen, ändern und löschen
scope-admin-system-read = Sehen, wie dieser Dienst eingerichtet ist und läuft
scope-admin-system-write = Die Einrichtung dieses Dienstes ändern
scope-unknown = Die Berechtigung „{ $scope }“ nutzen

## Was eine einzelne Angabe erlaubt
claim-name = Ihren vollen Namen sehen
claim-family-name = Ihren Nachnamen sehen
claim-given-name = Ihren Vornamen sehen
claim-middle-name = Ihren zweiten Vornamen sehen
claim-nickname = Ihren Spitznamen sehen
claim-preferred-username = Ihren Benutzernamen sehen
claim-profile = Die Adresse Ihrer Profilseite sehen
claim-picture = Ihr Bild sehen
claim-website = Die Adresse Ihrer Website sehen
claim-gender = Ihr Geschlecht sehen
claim-birthdate = Ihr Geburtsdatum sehen
claim-zoneinfo = Ihre Zeitzone sehen
claim-locale = Ihre Sprache sehen
claim-updated-at = Sehen, wann sich Ihr Profil zuletzt geändert hat
claim-email = Ihre E-Mail-Adresse sehen
claim-email-verified = Sehen, ob Ihre E-Mail-Adresse bestätigt ist
claim-phone-number = Ihre Telefonnummer sehen
claim-phone-number-verified = Sehen, ob Ihre Telefonnummer bestätigt ist
claim-address = Ihre Postanschrift sehen

## Fehler
error-invalid-request-title = Diese Anwendung hat eine unbrauchbare Anfrage geschickt
error-invalid-request-text = Sie haben nichts falsch gemacht. Gehen Sie zurück zur Anwendung und versuchen Sie es noch einmal; wenn es wieder geschieht, sagen Sie es deren Betreibern.
error-unknown-client-title = Diese Anwendung ist hier nicht bekannt
error-unknown-client-text = Der Link nennt eine Anwendung, die nicht registriert ist. Sie wurden deshalb nicht angemeldet. Sagen Sie es den Betreibern der Anwendung.
error-redirect-mismatch-title = Diese Anwendung wollte Sie an eine unbekannte Adresse schicken
error-redirect-mismatch-text = Zum Schutz Ihres Kontos wurden Sie nicht dorthin geschickt. Sagen Sie es den Betreibern der Anwendung.
error-expired-title = Diese Seite war zu lange offen
error-expired-text = Zum Schutz Ihres Kontos muss eine Anmeldung in wenigen Minuten abgeschlossen sein. Nichts ist verloren: Beginnen Sie einfach noch einmal.
error-other-browser-title = Diese Seite gehört zu einem anderen Browser
error-other-browser-text = Eine Anmeldung muss in dem Browser beendet werden, in dem sie begann. Wenn das dieser ist, erlauben Sie Cookies für diese Seite und beginnen Sie noch einmal.
error-form-rejected-title = Dieses Formular konnte nicht angenommen werden
error-form-rejected-text = Es kam nicht von dieser Seite, oder die Seite war veraltet. Nichts wurde geändert. Beginnen Sie noch einmal.
error-not-found-title = Unter dieser Adresse gibt es nichts
error-not-found-text = Der Link ist vielleicht alt oder unvollständig.
error-too-many-requests-title = Das war zu schnell
error-too-many-requests-text = Aus Ihrem Netz kamen zu viele Anfragen. Warten Sie eine Minute und versuchen Sie es dann noch einmal.
error-unavailable-title = Im Moment außer Betrieb
error-unavailable-text = Ein Teil dieses Dienstes antwortet nicht. Von Ihren Eingaben ist nichts verloren. Versuchen Sie es in einer Minute noch einmal.
error-internal-title = Hier ist etwas schiefgegangen
error-internal-text = Das liegt an uns, nicht an Ihnen. Versuchen Sie es noch einmal; wenn es wieder geschieht, nennen Sie dem Support die Kennung unten.
error-back-client = Zurück zu { $client }
error-start-again = Noch einmal beginnen
error-retry = Noch einmal versuchen
error-developer = Für die Entwickler der Anwendung
error-reference = Kennung

## Mitteilungen
message-finished-title = Hier ist alles erledigt
message-finished-text = Diese Anmeldung ist schon abgeschlossen. Gehen Sie zurück zur Anwendung; diese Seite kann geschlossen werden.
message-start-at-app-title = Beginnen Sie bei einer Anwendung
message-start-at-app-text = Öffnen Sie die Anwendung, die Sie benutzen möchten, und wählen Sie dort die Anmeldung. Sie werden dann hierher geführt.
message-signed-out-title = Sie sind abgemeldet
message-signed-out-text = Sie sind in diesem Browser hier nicht angemeldet. In Anwendungen, die Sie geöffnet haben, bleiben Sie vielleicht angemeldet, bis Sie sich auch dort abmelden.
message-still-signed-in-title = Sie sind weiter angemeldet
message-still-signed-in-text = Nichts wurde geändert. Diese Seite kann geschlossen werden.

## Die eigenen Seiten
account-title = Ihr Konto
account-login-lead = und weiter zu Ihrem Konto
account-sign-out = Abmelden
account-apps = { $count ->
    [0] Keine Anwendung hat Zugriff auf Ihr Konto
    [one] Eine Anwendung hat Zugriff auf Ihr Konto
   *[other] { $count } Anwendungen haben Zugriff auf Ihr Konto
}
account-sessions = { $count ->
    [one] Ihr Konto ist nur in diesem Browser offen
   *[other] Ihr Konto ist in { $count } Browsern offen
}
back-account = Zu Ihrem Konto
back-sign-in = Wieder anmelden
back-sign-out = Abmelden
consents-title = Verbundene Anwendungen
consents-lead = Diese Anwendungen dürfen Ihr Konto so benutzen, wie Sie es erlaubt haben.
consents-since = Erlaubt am { $date }
consents-remove = Zugriff entziehen
consents-remove-what = { $client } verliert den Zugriff sofort, auf jedem Gerät, und muss Sie neu fragen. Was schon gelesen wurde, bleibt dort.
consents-remove-now = Zugriff jetzt entziehen
consents-withdrawn = Der Zugriff ist entzogen.
consents-none-title = Keine Anwendung hat Zugriff
consents-none-text = Wenn Sie sich mit diesem Konto bei einer Anwendung anmelden und ihr Zugriff erlauben, steht sie hier, und Sie können den Zugriff wieder entziehen.
sessions-title = Angemeldete Browser
sessions-lead = In diesen Browsern ist Ihr Konto offen. Melden Sie sich überall ab, wo Sie einen nicht kennen.
sessions-browser-on = { $browser } auf { $system }
sessions-browser-unknown = Unbekannter Browser
sessions-current = Dieser Browser
sessions-last-used = Zuletzt benutzt
sessions-started = Angemeldet
sessions-address = Adresse
sessions-ended = Dort sind Sie abgemeldet.
sessions-end-others = Überall sonst abmelden

## Zeitpunkte
moment-date = { $day }. { $month } { $year }
moment-date-time = { $day }. { $month } { $year }, { $time } UTC
moment-now = gerade eben
moment-minutes = { $count ->
    [one] vor einer Minute
   *[other] vor { $count } Minuten
}
moment-hours = { $count ->
    [one] vor einer Stunde
   *[other] vor { $count } Stunden
}
moment-days = { $count ->
    [one] vor einem Tag
   *[other] vor { $count } Tagen
}
month-1 = Januar
month-2 = Februar
month-3 = März
month-4 = April
month-5 = Mai
month-6 = Juni
month-7 = Juli
month-8 = August
month-9 = September
month-10 = Oktober
month-11 = November
month-12 = Dezember

## Abmelden
logout-title = Abmelden
logout-heading = Abmelden?
logout-lead = Sie werden in diesem Browser von { $brand } abgemeldet.
logout-lead-client = { $client } bittet, Sie in diesem Browser von { $brand } abzumelden.
logout-apps = In Anwendungen, die Sie geöffnet haben, bleiben Sie vielleicht angemeldet, bis Sie sich auch dort abmelden.
logout-return = Danach geht es weiter zu { $host }.
logout-return-device = Danach geht es zurück zur App auf diesem Gerät.
logout-return-first-party = Danach geht es weiter zu { $client }.
logout-stay = Angemeldet bleiben
logout-now = Abmelden
resend-lead = Die Anwendung, von der Sie kommen, bittet, Sie abzumelden.
resend-now = Weiter
