import type { Meta } from "@skep/model";

export const renderMeta = ({ version, createdAt, updatedAt }: Meta) => ({
  Version: { Index: version },
  CreatedAt: createdAt,
  UpdatedAt: updatedAt,
});
