export { blameCertificate } from "./blame-certificate.ts";
export { CarriedCertificates } from "./carried-certificates.ts";
export type { Certificate, Certificates, RefusedCertificate } from "./certificate.ts";
export {
  type CertificateAnswer,
  hasAllKeys,
  type ListedCertificate,
  listCertificates,
  type PutCertificate,
  parseCertificatesAnswer,
  putCertificate,
  removeCertificate,
  withoutKeys,
} from "./certificate-answers.ts";
export { CertificateFolder, isCertificateSecret } from "./certificate-folder.ts";
export { certificateNameOf, checkCertificateName } from "./certificate-name.ts";
export { type CertificateSource, watchSources } from "./certificate-source.ts";
export { CertificateStore, type CertificateTrial, type StoredFile } from "./certificate-store.ts";
export { renderCertificateTrial, renderCrtList } from "./crt-list.ts";
export { matchesGlob, orderCertificates } from "./order-certificates.ts";
export { dateWarning, type PemBundle, parsePem } from "./pem.ts";
export { describeCertificateStep, planCertificates } from "./plan-certificates.ts";
