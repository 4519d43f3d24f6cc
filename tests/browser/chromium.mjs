// Debian's Chromium, driven by playwright-core: nothing is downloaded.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Starts a browser with an empty profile. AUTHLY_CHROMIUM names another binary. */
export async function launch() {
  const executablePath = process.env.AUTHLY_CHROMIUM ?? CANDIDATES.find((path) => existsSync(path));
  if (!executablePath) {
    throw new Error("No Chromium found. Install it (Debian: apt-get install chromium), or name one in AUTHLY_CHROMIUM.");
  }
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      // Root, as in containers, has no user namespace to build the sandbox in.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
