import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** PEM files of an authority of our own, a server at 127.0.0.1 and a client. */
export interface Certificates {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

const run = promisify(execFile);

/** Makes them in `folder` with openssl. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string): string => join(folder, name);
  const [ca, caKey] = [file("ca.pem"), file("ca-key.pem")];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const own = ["req", "-x509", ...newKey, "-subj", "/CN=an authority of our own", "-days", "2"];
  await run("openssl", [...own, "-keyout", caKey, "-out", ca]);
  const sign = async (name: string, use: string): Promise<{ cert: string; key: string }> => {
    const [cert, key, request, extensions] = ["", "-key", "-request", "-ext"].map((part) =>
      file(`${name}${part}.pem`),
    );
    if (cert === undefined || key === undefined || request === undefined || extensions === undefined)
      throw new Error(name);
    await writeFile(extensions, `subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=${use}\n`);
    await run("openssl", ["req", ...newKey, "-subj", `/CN=${name}`, "-keyout", key, "-out", request]);
    const by = ["-CA", ca, "-CAkey", caKey, "-CAcreateserial", "-days", "2", "-extfile", extensions];
    await run("openssl", ["x509", "-req", "-in", request, ...by, "-out", cert]);
    return { cert, key };
  };
  return {
    ca,
    server: await sign("server", "serverAuth,clientAuth"),
    client: await sign("client", "clientAuth"),
  };
}
