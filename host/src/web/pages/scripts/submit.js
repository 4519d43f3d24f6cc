// Sends the page's only form at once; without scripts the person presses its button.
document.forms[0].requestSubmit();
