// Unpacks the Chromium that @sparticuz/chromium ships into TMPDIR, with its libraries and fonts; prints where they are.

process.env.AWS_LAMBDA_JS_RUNTIME = "nodejs24.x"; // otherwise it leaves the libraries out, which a bare system has not either
const { default: chromium } = await import("@sparticuz/chromium");
const program = await chromium.executablePath();
console.log(JSON.stringify({ program, libraries: process.env.LD_LIBRARY_PATH, fonts: process.env.FONTCONFIG_PATH }));
