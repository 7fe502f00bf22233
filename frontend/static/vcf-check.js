/* What can be told of a file from its name, its size and its first bytes, before a byte is sent. */

const ENDINGS = [".vcf", ".vcf.gz", ".vcf.bgz"];
const PEEK = 64 * 1024; // bytes

/** A sentence that says what is wrong with the file and how to mend it; null when nothing is. `limit`: its `bytes`, the
    same in `words`, and `advice` on what else may be done about a larger file. */
export async function look(file, limit) {
  const name = file.name.toLowerCase();
  if (!ENDINGS.some((ending) => name.endsWith(ending))) return wrongEnding(name);
  if (file.size === 0) return "This file is empty. Check that the program that wrote it has finished.";
  if (file.size > limit.bytes) {
    const compress = name.endsWith(".vcf") ? "Compress it with bgzip or gzip, or split it" : "Split it";
    const size = (file.size / 2 ** 20).toFixed(1);
    return `This file has ${size} MiB; at most ${limit.words} are accepted. ${compress} by chromosome. ${limit.advice}`.trim();
  }
  let head;
  try {
    head = new Uint8Array(await file.slice(0, PEEK).arrayBuffer());
  } catch {
    return "Your browser cannot read this file. Is it still there, and may you open it?";
  }
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  return judge(isGzip ? await unzipped(file) : head, isGzip);
}

function wrongEnding(name) {
  if (/\.(bam|cram|sam)$/.test(name)) return "This holds reads, not variants. Call variants first and upload the VCF.";
  if (/\.(fastq|fq)(\.gz)?$/.test(name)) return "This holds raw reads. Align them, call variants, and upload the VCF.";
  if (/\.bcf$/.test(name)) return "This is a BCF. Convert it with: bcftools view -O z -o out.vcf.gz in.bcf";
  if (/\.(xlsx?|csv|tsv|ods)$/.test(name)) return "This is a table, not a VCF. Paste its variants into the box instead.";
  if (/\.(tbi|csi)$/.test(name)) return "This is the index of a VCF. Upload the .vcf.gz beside it; no index is needed.";
  if (/\.(zip|7z|rar|tar|bz2|xz)$/.test(name)) return "Unpack this archive and upload the .vcf or .vcf.gz inside.";
  return `The name must end in ${ENDINGS.slice(0, -1).join(", ")} or ${ENDINGS.at(-1)}.`;
}

/** The first decompressed bytes; null where the browser cannot tell, undefined where it is no proper gzip. */
async function unzipped(file) {
  if (typeof DecompressionStream === "undefined") return null;
  const reader = file.slice(0, PEEK).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    const { value } = await reader.read();
    return value ?? null; // nothing yet: the first block is longer than what was read; the server will tell
  } catch {
    return undefined;
  } finally {
    reader.cancel().catch(() => {});
  }
}

function judge(bytes, isGzip) {
  const where = isGzip ? "Inside the gzip is" : "This is";
  if (bytes === null) return null;
  if (bytes === undefined) return "This gzip file is damaged. Compress the VCF again, or copy the file once more.";
  const starts = (...codes) => codes.every((code, at) => bytes[at] === code);
  if (starts(0x42, 0x41, 0x4d, 0x01)) return "This is a BAM: it holds reads, not variants. Call variants first and upload the VCF.";
  if (starts(0x43, 0x52, 0x41, 0x4d)) return "This is a CRAM: it holds reads, not variants. Call variants first and upload the VCF.";
  if (starts(0x42, 0x43, 0x46)) return `${where} a BCF. Convert it with: bcftools view -O z -o out.vcf.gz in.bcf`;
  if (starts(0x50, 0x4b)) return `${where} a zip archive or an Office document. Unpack it and upload the VCF inside.`;
  if (starts(0x1f, 0x8b)) return "This file was compressed twice. Decompress it once and upload it again.";
  if (starts(0xff, 0xfe) || starts(0xfe, 0xff)) return "This text is UTF-16. Save it as UTF-8 (plain text) and upload it again.";
  const text = new TextDecoder("utf-8").decode(bytes.subarray(0, 4096)).replace(/^\ufeff/, "").trimStart();
  if (text.startsWith("##fileformat=VCF") || text.startsWith("#CHROM")) return null;
  if (/^<(!doctype|html|\?xml)/i.test(text)) return "This is a web page, not a VCF: the download went wrong, perhaps because of a sign-in.";
  return "This does not begin like a VCF: its first line must start with ##fileformat=VCF. Variants without a header can be pasted into the box instead.";
}

/** Decimal units, as file managers show them. */
export function humanBytes(count) {
  if (count < 1000) return `${Math.round(count)} B`;
  let size = count;
  for (const unit of ["kB", "MB", "GB", "TB"]) {
    size /= 1000;
    if (size < 1000 || unit === "TB") return `${size.toFixed(size < 10 ? 1 : 0)} ${unit}`;
  }
}

export function humanSeconds(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
